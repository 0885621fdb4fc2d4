//! Takes a kubeconfig apart that a person has pasted.

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{secret::Secret, site::KubeconfigParts};
use kube::config::{AuthInfo, Cluster, Context, Kubeconfig};
use secrecy::ExposeSecret;

use crate::Error;

/// The longest kubeconfig that is read.
const MAX_LENGTH: usize = 1024 * 1024;

/// Takes out of a kubeconfig what connects a site: from `context`, or else from its current context.
pub fn parse(yaml: &str, context: Option<&str>) -> Result<KubeconfigParts, Error> {
    if yaml.len() > MAX_LENGTH {
        return Err(Error::Answer("This is too long for a kubeconfig: it may have 1 MiB.".to_owned()));
    }
    // The parser's own words may quote the text, and with it the token.
    let config = Kubeconfig::from_yaml(yaml)
        .map_err(|_| Error::Answer("This is no kubeconfig: paste the whole file, as YAML.".to_owned()))?;
    let name = chosen_context(&config, context)?;
    let chosen = find_context(&config, &name)?;
    let cluster = find_cluster(&config, chosen)?;
    Ok(KubeconfigParts {
        url: address(cluster)?,
        token: token(find_user(&config, chosen)?)?,
        ca_certificate: ca_certificate(cluster)?,
        name,
    })
}

fn chosen_context(config: &Kubeconfig, wanted: Option<&str>) -> Result<String, Error> {
    let wanted = wanted.or(config.current_context.as_deref()).filter(|name| !name.is_empty());
    match (wanted, config.contexts.as_slice()) {
        (Some(name), _) => Ok(name.to_owned()),
        (None, [only]) => Ok(only.name.clone()),
        (None, []) => Err(Error::Answer("The kubeconfig has no context.".to_owned())),
        (None, several) => {
            let names: Vec<&str> = several.iter().map(|context| context.name.as_str()).collect();
            Err(Error::Answer(format!(
                "The kubeconfig has no current context. Choose one of {}.",
                names.join(", ")
            )))
        }
    }
}

fn find_context<'a>(config: &'a Kubeconfig, name: &str) -> Result<&'a Context, Error> {
    let named = config.contexts.iter().find(|context| context.name == name);
    named
        .and_then(|named| named.context.as_ref())
        .ok_or_else(|| Error::NotFound(format!("The kubeconfig has no context “{name}”.")))
}

fn find_cluster<'a>(config: &'a Kubeconfig, context: &Context) -> Result<&'a Cluster, Error> {
    let named = config.clusters.iter().find(|cluster| cluster.name == context.cluster);
    named
        .and_then(|named| named.cluster.as_ref())
        .ok_or_else(|| Error::NotFound(format!("The kubeconfig has no cluster “{}”.", context.cluster)))
}

fn find_user<'a>(config: &'a Kubeconfig, context: &Context) -> Result<&'a AuthInfo, Error> {
    let name = context.user.as_deref().unwrap_or_default();
    let named = config.auth_infos.iter().find(|user| user.name == name);
    named
        .and_then(|named| named.auth_info.as_ref())
        .ok_or_else(|| Error::NotFound(format!("The kubeconfig has no user “{name}”.")))
}

fn address(cluster: &Cluster) -> Result<String, Error> {
    if cluster.proxy_url.as_deref().is_some_and(|proxy| !proxy.is_empty()) {
        let words = "The kubeconfig reaches the cluster through a proxy, which is not supported: give a direct address.";
        return Err(Error::Address(words.to_owned()));
    }
    let server = cluster.server.clone().filter(|server| !server.is_empty());
    server.ok_or_else(|| Error::Address("The kubeconfig names no server.".to_owned()))
}

fn token(user: &AuthInfo) -> Result<Secret, Error> {
    const INSTEAD: &str = "Give the token of a service account instead (kubectl create token).";
    if let Some(token) =
        user.token.as_ref().map(ExposeSecret::expose_secret).filter(|token| !token.is_empty())
    {
        return Ok(Secret::new(token));
    }
    let signs_in = if user.exec.is_some() || user.auth_provider.is_some() {
        "by a program on the machine it was made for, which is not run here"
    } else if user.token_file.is_some() {
        "with a token from a file on the machine it was made for, which cannot be read from here"
    } else if user.client_certificate.is_some() || user.client_certificate_data.is_some() {
        "with a client certificate, which is not supported"
    } else if user.username.is_some() {
        "with a password, which is not supported"
    } else {
        return Err(Error::SignIn(format!("The kubeconfig holds no token. {INSTEAD}")));
    };
    Err(Error::SignIn(format!("The kubeconfig signs in {signs_in}. {INSTEAD}")))
}

fn ca_certificate(cluster: &Cluster) -> Result<Option<String>, Error> {
    let no_text =
        || Error::Tls("The kubeconfig's certificate-authority-data is no PEM in base64.".to_owned());
    match (&cluster.certificate_authority_data, &cluster.certificate_authority) {
        (Some(data), _) if !data.is_empty() => {
            let pem = STANDARD.decode(data.trim()).map_err(|_| no_text())?;
            String::from_utf8(pem).map(Some).map_err(|_| no_text())
        }
        (_, Some(path)) if !path.is_empty() => Err(Error::Tls(format!(
            "The kubeconfig names the CA certificate by a path ({path}), which cannot be read from here. Paste one that \
             holds it: kubectl config view --flatten --raw."
        ))),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(cluster: &str, user: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: shop\n\
             clusters: [{{name: c, cluster: {{server: 'https://10.0.0.1:6443', {cluster}}}}}]\n\
             users: [{{name: u, user: {{{user}}}}}]\n\
             contexts: [{{name: shop, context: {{cluster: c, user: u}}}}, {{name: other, context: {{cluster: d, user: u}}}}]\n"
        )
    }

    #[test]
    fn a_token_and_a_ca_are_taken_out() {
        let parts = parse(&config("certificate-authority-data: 'UEVN'", "token: s3cret"), None).unwrap();
        assert_eq!((parts.name.as_str(), parts.url.as_str()), ("shop", "https://10.0.0.1:6443"));
        assert_eq!((parts.token.expose(), parts.ca_certificate.as_deref()), ("s3cret", Some("PEM")));
    }

    #[test]
    fn what_cannot_be_used_says_what_to_give_instead() {
        let failure =
            |cluster: &str, user: &str| parse(&config(cluster, user), None).unwrap_err().to_string();
        assert!(
            failure("", "client-certificate-data: 'eA==', client-key-data: 'eA=='")
                .contains("client certificate")
        );
        assert!(
            failure("", "exec: {command: aws, apiVersion: client.authentication.k8s.io/v1}")
                .contains("program")
        );
        assert!(failure("", "tokenFile: /var/run/token").contains("file"));
        assert!(failure("certificate-authority: /etc/ca.crt", "token: s3cret").contains("/etc/ca.crt"));
        assert!(failure("certificate-authority-data: '%'", "token: s3cret").contains("base64"));
    }

    #[test]
    fn contexts_are_chosen_by_name() {
        let text = config("", "token: s3cret");
        assert!(matches!(parse(&text, Some("other")), Err(Error::NotFound(_))), "its cluster is missing");
        assert!(matches!(parse(&text, Some("none")), Err(Error::NotFound(_))));
        assert!(parse(&text, Some("shop")).is_ok());
    }

    #[test]
    fn nothing_of_a_broken_text_is_repeated() {
        let error = parse("users: [{token: s3cret", None).unwrap_err();
        assert!(!error.to_string().contains("s3cret"));
        assert!(parse(&"x".repeat(MAX_LENGTH + 1), None).is_err());
    }
}
