//! Creating, changing and deleting objects as an API server does.

use chrono::Utc;
use serde_json::{Value, json};

use crate::json::{items, number, parse, text};
use crate::kinds::{ApiVersions, Kind};
use crate::objects::{Key, Objects};
use crate::patch::{Patch, PatchError};
use crate::simulation::{PatchRecord, Simulation};
use crate::status::Refusal;

impl Simulation {
    /// Adds an object to a namespace that exists.
    pub(crate) fn create(
        &self,
        kind: Kind,
        namespace: Option<&str>,
        mut object: Value,
        dry_run: bool,
    ) -> Result<Value, Refusal> {
        check_shape(&object)?;
        let name = text(&object, "/metadata/name").to_owned();
        let key = Self::key(kind, namespace, &name);
        if name.is_empty() {
            return Err(Refusal::invalid(&key, "metadata.name: Required value"));
        }
        complete(&self.versions, &key, &mut object);
        admit(&key, &object)?;
        self.write(|objects| {
            let home = Key::new(Kind::Namespace, "", &key.namespace);
            if kind.namespaced() && !objects.contains(&home) {
                return Err(Refusal::not_found(&home));
            }
            if objects.contains(&key) {
                return Err(Refusal::exists(&key));
            }
            if dry_run {
                return Ok(object);
            }
            let created = objects.create(key.clone(), object, Utc::now());
            objects.mark_dirty(key);
            Ok(created)
        })
    }

    /// Puts a new version in the place of an object.
    pub(crate) fn replace(&self, key: &Key, object: Value, dry_run: bool) -> Result<Value, Refusal> {
        self.write(|objects| change(objects, &self.versions, key, dry_run, |_| Ok(object)))
    }

    /// Patches an object, and records it where it is a workload.
    pub(crate) fn patch(&self, key: &Key, patch: &Patch, dry_run: bool, who: &str) -> Result<Value, Refusal> {
        self.write(|objects| {
            let patched = change(objects, &self.versions, key, dry_run, |before| {
                patch.apply(before).map_err(|error| unapplied(key, &error))
            })?;
            if !dry_run && key.kind.is_workload() {
                self.record(PatchRecord {
                    time: Utc::now(),
                    kind: key.kind,
                    namespace: key.namespace.clone(),
                    name: key.name.clone(),
                    body: patch.body(),
                    who: who.to_owned(),
                    generation: number(&patched, "/metadata/generation").unwrap_or_default(),
                });
            }
            Ok(patched)
        })
    }

    /// Deletes an object; a namespace takes all that is in it along.
    pub(crate) fn delete(&self, key: &Key, uid: Option<&str>, dry_run: bool) -> Result<Value, Refusal> {
        self.write(|objects| {
            let object = objects.get(key).ok_or_else(|| Refusal::not_found(key))?;
            if uid.is_some_and(|uid| uid != text(&object, "/metadata/uid")) {
                return Err(Refusal::conflict(key, "the UID in the precondition differs"));
            }
            if !dry_run {
                remove(objects, key);
            }
            Ok(object)
        })
    }
}

fn remove(objects: &mut Objects, key: &Key) {
    if key.kind == Kind::Namespace {
        for kind in Kind::ALL.into_iter().filter(|kind| kind.namespaced()) {
            let inside: Vec<Key> =
                objects.list(kind, Some(&key.name)).map(|(inside, _)| inside.clone()).collect();
            for inside in inside {
                objects.remove(&inside);
            }
        }
    }
    let Some(removed) = objects.remove(key) else { return };
    if key.kind.is_workload() {
        objects.mark_dirty(key.clone());
    }
    if let Some(owner) = workload_of(objects, key, &parse(&removed)) {
        objects.mark_dirty(owner);
    }
}

/// The workload that keeps a pod or a replica set up.
fn workload_of(objects: &Objects, key: &Key, object: &Value) -> Option<Key> {
    let kind = Kind::from_name(text(object, "/metadata/ownerReferences/0/kind"))?;
    let owner = Key::new(kind, &key.namespace, text(object, "/metadata/ownerReferences/0/name"));
    if kind == Kind::ReplicaSet { workload_of(objects, &owner, &objects.get(&owner)?) } else { Some(owner) }
}

/// The way of every update: apply, keep what the server owns, check, write.
fn change(
    objects: &mut Objects,
    versions: &ApiVersions,
    key: &Key,
    dry_run: bool,
    apply: impl FnOnce(&Value) -> Result<Value, Refusal>,
) -> Result<Value, Refusal> {
    let before = objects.get(key).ok_or_else(|| Refusal::not_found(key))?;
    let mut after = apply(&before)?;
    check_shape(&after)?;
    check_identity(key, &before, &after)?;
    for field in ["uid", "creationTimestamp", "generation", "resourceVersion"] {
        after["metadata"][field] = before["metadata"][field].clone();
    }
    complete(versions, key, &mut after);
    keep_status(&before, &mut after);
    admit(key, &after)?;
    if after == before {
        return Ok(before);
    }
    let spec_changed = after["spec"] != before["spec"];
    if spec_changed {
        after["metadata"]["generation"] = json!(before["metadata"]["generation"].as_i64().unwrap_or(0) + 1);
    }
    if dry_run {
        return Ok(after);
    }
    let written = objects.put(key.clone(), after);
    if key.kind.is_workload() {
        objects.mark_dirty(key.clone());
    }
    Ok(written)
}

/// Refuses what is no object of Kubernetes at all.
fn check_shape(object: &Value) -> Result<(), Refusal> {
    let map =
        |pointer: &str| object.pointer(pointer).is_none_or(|value| value.is_object() || value.is_null());
    let well =
        ["/metadata/labels", "/metadata/annotations", "/spec", "/spec/template", "/spec/template/metadata"]
            .into_iter()
            .all(map);
    if well && object["metadata"].is_object() {
        Ok(())
    } else {
        Err(Refusal::bad_request("the object has fields of a wrong type"))
    }
}

/// Refuses what was meant for another version, another incarnation or another object.
fn check_identity(key: &Key, before: &Value, after: &Value) -> Result<(), Refusal> {
    let asked = |field: &str| text(after, &format!("/metadata/{field}")).to_owned();
    let differs = |field: &str| {
        let asked = asked(field);
        !asked.is_empty() && asked != text(before, &format!("/metadata/{field}"))
    };
    if differs("uid") {
        let (asked, present) = (asked("uid"), text(before, "/metadata/uid"));
        return Err(Refusal::conflict(
            key,
            &format!("Precondition failed: UID in precondition: {asked}, UID in object meta: {present}"),
        ));
    }
    if differs("resourceVersion") {
        return Err(Refusal::conflict(
            key,
            "the object has been modified; please apply your changes to the latest version and try again",
        ));
    }
    if differs("name") || differs("namespace") {
        return Err(Refusal::bad_request("the name of the object does not match the name on the URL"));
    }
    Ok(())
}

/// Fills in what an API server defaults.
fn complete(versions: &ApiVersions, key: &Key, object: &mut Value) {
    object["kind"] = json!(key.kind.name());
    object["apiVersion"] = json!(versions.api_version(key.kind));
    object["metadata"]["name"] = json!(key.name);
    if key.kind.namespaced() {
        object["metadata"]["namespace"] = json!(key.namespace);
    }
    if matches!(key.kind, Kind::Deployment | Kind::StatefulSet | Kind::ReplicaSet)
        && object["spec"]["replicas"].is_null()
    {
        object["spec"]["replicas"] = json!(1);
    }
    if key.kind == Kind::Namespace && object["status"].is_null() {
        object["status"] = json!({ "phase": "Active" });
    }
}

/// The status is written by controllers only, whatever a request carries.
fn keep_status(before: &Value, after: &mut Value) {
    match (before.get("status"), after.as_object_mut()) {
        (Some(status), Some(after)) => {
            after.insert("status".to_owned(), status.clone());
        }
        (None, Some(after)) => {
            after.remove("status");
        }
        _ => {}
    }
}

/// Validation, and the webhook that refuses images whose tag contains `denied`, but for development's namespaces.
fn admit(key: &Key, object: &Value) -> Result<(), Refusal> {
    let Some(pod) = pod_spec(key.kind, object) else { return Ok(()) };
    let containers = items(pod, "/containers");
    if containers.is_empty() {
        return Err(Refusal::invalid(key, "spec.template.spec.containers: Required value"));
    }
    for container in containers.iter().chain(items(pod, "/initContainers")) {
        let (name, image) = (text(container, "/name"), text(container, "/image"));
        if name.is_empty() || image.is_empty() {
            return Err(Refusal::invalid(key, "spec.template.spec.containers: name and image are required"));
        }
        let lenient = key.namespace.ends_with("-dev");
        if !lenient && image.rsplit(':').next().is_some_and(|tag| tag.contains("denied")) {
            return Err(Refusal::new(
                http::StatusCode::FORBIDDEN,
                "Forbidden",
                format!(
                    "admission webhook \"images.policy.example.com\" denied the request: image {image} of \
                     container {name} is not allowed here"
                ),
            ));
        }
    }
    if object.pointer("/spec/replicas").is_some_and(|replicas| replicas.as_u64().is_none()) {
        return Err(Refusal::invalid(key, "spec.replicas: must be greater than or equal to 0"));
    }
    Ok(())
}

/// The specification of the pods that an object stands for; null where it lacks one.
fn pod_spec(kind: Kind, object: &Value) -> Option<&Value> {
    let pointer = match kind {
        Kind::Namespace | Kind::Node | Kind::Secret => return None,
        Kind::Pod => "/spec",
        Kind::CronJob => "/spec/jobTemplate/spec/template/spec",
        _ => "/spec/template/spec",
    };
    Some(object.pointer(pointer).unwrap_or(&Value::Null))
}

fn unapplied(key: &Key, error: &PatchError) -> Refusal {
    match error {
        PatchError::Apply(_) => Refusal::invalid(key, &error.to_string()),
        _ => Refusal::bad_request(error.to_string()),
    }
}
