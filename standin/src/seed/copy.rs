//! Copies of a settled workload: to play the past of a hundred thousand one by one would take minutes.

use aho_corasick::{AhoCorasick, MatchKind};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::Builder;
use crate::controllers::{image_id, template_hash};
use crate::json::{text, uid};
use crate::kinds::Kind;
use crate::objects::Key;

/// A deployment that was rolled out long ago, with its replica set and pods, as text to be copied.
pub(super) struct Model {
    objects: Vec<(Key, String)>,
    template: String,
    /// What differs from copy to copy: the objects' versions and UIDs, then what [`Model::marks`] lists.
    differing: AhoCorasick,
}

impl Model {
    /// What tells a workload from another one of the same shape.
    fn marks(name: &str, image: &str, hash: &str) -> [String; 4] {
        [image_id(image, ""), image.to_owned(), hash.to_owned(), name.to_owned()]
    }
}

impl Builder {
    /// Plays a deployment's past, and keeps what became of it for [`Self::copy`].
    pub(super) fn model(&mut self, namespace: &str, manifest: Value) -> Model {
        let key = Key::new(Kind::Deployment, namespace, text(&manifest, "/metadata/name"));
        let image = text(&manifest, "/spec/template/spec/containers/0/image").to_owned();
        let template = manifest["spec"]["template"].clone();
        self.workload(Kind::Deployment, namespace, manifest);
        let mut objects = vec![key.clone()];
        for (set, _) in self.objects.children(Kind::ReplicaSet, &key) {
            let pods = self.objects.children(Kind::Pod, &set);
            objects.push(set);
            objects.extend(pods.into_iter().map(|(pod, _)| pod));
        }
        let objects: Vec<(Key, Value)> =
            objects.into_iter().filter_map(|key| Some((key.clone(), self.objects.get(&key)?))).collect();
        let versions = objects.iter().map(|(_, object)| version(text(object, "/metadata/resourceVersion")));
        let uids = objects.iter().map(|(_, object)| text(object, "/metadata/uid").to_owned());
        let marks = Model::marks(&key.name, &image, &template_hash(&template));
        let patterns: Vec<String> = versions.chain(uids).chain(marks).collect();
        Model {
            // An image contains the name, so the longer of two matches is meant.
            differing: AhoCorasick::builder()
                .match_kind(MatchKind::LeftmostLongest)
                .build(patterns)
                .expect("a few short patterns make a small automaton"),
            objects: objects.into_iter().map(|(key, object)| (key, object.to_string())).collect(),
            template: template.to_string(),
        }
    }

    /// Adds a deployment that is as the model but for its name and image.
    pub(super) fn copy(&mut self, model: &Model, name: &str, image: &str) {
        let hash = model.hash(name, image);
        let next = self.objects.version() + 1;
        let versions = (next..).take(model.objects.len());
        let mut replacements: Vec<String> =
            versions.clone().map(|number| version(&number.to_string())).collect();
        replacements.extend(versions.map(|version| uid(&format!("{}/{}/{version}", self.seed, self.id))));
        replacements.extend(Model::marks(name, image, &hash));
        for (key, object) in &model.objects {
            let name = model.differing.replace_all(&key.name, &replacements);
            let object = model.differing.replace_all(object, &replacements);
            let object = RawValue::from_string(object).expect("names and numbers leave JSON what it is");
            self.objects.insert(Key::new(key.kind, &key.namespace, &name), object.into());
        }
    }
}

impl Model {
    /// The digest of a copy's pod template.
    fn hash(&self, name: &str, image: &str) -> String {
        let others = self.differing.patterns_len() - 4;
        let mut replacements = vec![String::new(); others];
        replacements.extend(Self::marks(name, image, ""));
        let template = self.differing.replace_all(&self.template, &replacements);
        template_hash(&serde_json::from_str(&template).unwrap_or_default())
    }
}

fn version(number: &str) -> String {
    format!("\"resourceVersion\":{}", json!(number))
}
