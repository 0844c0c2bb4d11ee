//! Secrets in the environment, in options and in addresses: no verb prints one, however it ends.

use crate::shell::{Shell, ended, npy_integers};
use fascicle_test_servers::ObjectServer;

/// Of letters alone, so that no encoding hides it; the second one where base64 is asked for.
const CANARIES: [&str; 2] = ["hunterTwoCanary", "aHVudGVyVHdvQ2FuYXJ5"];

const ENVIRONMENT: [(&str, &str); 8] = [
    ("AWS_ACCESS_KEY_ID", CANARIES[0]),
    ("AWS_SECRET_ACCESS_KEY", CANARIES[0]),
    ("AWS_SESSION_TOKEN", CANARIES[0]),
    ("GOOGLE_BEARER_TOKEN", CANARIES[0]),
    ("AZURE_STORAGE_ACCOUNT_NAME", "account"),
    ("AZURE_STORAGE_ACCOUNT_KEY", CANARIES[1]),
    ("RUST_LOG", "trace"),
    ("RUST_BACKTRACE", "full"),
];

/// Runs the command with the secrets in its environment, and expects that it fails without telling one.
fn fails_without_telling(shell: &Shell, endpoint: &str, arguments: &[&str]) {
    let options = format!(
        "aws_endpoint={endpoint}\naws_region=us-east-1\ngoogle_base_url={endpoint}\nazure_storage_endpoint={endpoint}\n\
         allow_http=true\nmax_retries=0\ntimeout=5s\n"
    );
    let scheme =
        arguments.iter().find_map(|argument| argument.split_once("://")).map_or("", |(scheme, _)| scheme);
    // A store knows its own options, and refuses those of others.
    let own = |line: &&str| match line.split('_').next() {
        Some("aws") => scheme == "s3",
        Some("google") => scheme == "gs",
        Some("azure") => scheme == "az",
        _ => true,
    };
    let options: Vec<&str> = options.lines().filter(own).collect();
    let mut command = shell.command(arguments);
    let ended =
        ended(command.envs(ENVIRONMENT).env("FASCICLE_STORE_OPTIONS", options.join("\n")).output().unwrap());
    let told = format!("{}{}", ended.stdout, ended.stderr);
    assert_ne!(ended.code, 0, "fascicle {arguments:?} was fine: {told}");
    for canary in CANARIES {
        assert!(!told.contains(canary), "fascicle {arguments:?} tells a secret: {told}");
    }
    assert!(told.contains("error"), "fascicle {arguments:?} says nothing: {told}");
}

#[test]
fn no_verb_tells_a_secret() {
    let server = ObjectServer::with_bucket("bucket");
    let shell = Shell::new();
    shell.write("x.npy", npy_integers(0..3));
    for place in ["s3://bucket/x", "gs://bucket/x", "az://bucket/x"] {
        let entry = format!("{place}/cells/x");
        let verbs: [&[&str]; 12] = [
            &["init", place, "--backend", "zarr"],
            &["ls", place],
            &["tree", place],
            &["show", &entry],
            &["du", place],
            &["put", "x.npy", &entry],
            &["append", "x.npy", &entry],
            &["get", &entry],
            &["meta", place],
            &["diff", place, &entry],
            &["rm", "-r", &entry],
            &["run", place, "Cells", "n=1", "--", "true"],
        ];
        for verb in verbs {
            fails_without_telling(&shell, &server.endpoint(), verb);
        }
        fails_without_telling(&shell, &server.endpoint(), &["ls", place, "--json"]);
        fails_without_telling(&shell, &server.endpoint(), &["put", "x.npy", &entry, "--json"]);
    }
    let keys = ["aws_secret_access_key", "google_bearer_token", "azure_storage_sas_token"];
    for (key, place) in keys.into_iter().zip(["s3://bucket/x", "gs://bucket/x", "az://bucket/x"]) {
        let option = format!("{key}={}", CANARIES[0]);
        fails_without_telling(&shell, &server.endpoint(), &["ls", place, "--store-option", &option]);
    }
    for address in [format!("s3://u:{}@bucket/x", CANARIES[0]), format!("az://bucket/x?sig={}", CANARIES[0])]
    {
        fails_without_telling(&shell, &server.endpoint(), &["ls", &address]);
        fails_without_telling(&shell, &server.endpoint(), &["ls", &address, "--json"]);
    }
}
