//! Every verb on an object store, by address and by the name of a place.

use crate::shell::{Ended, Shell, ended, npy_integers};
use fascicle_test_servers::{ACCESS_KEY, AzuriteServer, BEARER_TOKEN, ObjectServer, SECRET_KEY};
use serde_json::{Value, json};

/// A shell with a place in a bucket of a service, and the credentials for it in the environment.
struct Cloud {
    shell: Shell,
    bucket: &'static str,
    /// What the place and `FASCICLE_STORE_OPTIONS` say.
    options: Vec<(&'static str, String)>,
    credentials: Vec<(&'static str, &'static str)>,
}

impl Cloud {
    fn new(
        bucket: &'static str,
        options: Vec<(&'static str, String)>,
        credentials: Vec<(&'static str, &'static str)>,
    ) -> Self {
        let cloud = Cloud { shell: Shell::new(), bucket, options, credentials };
        let options: Vec<String> =
            cloud.options.iter().map(|(name, value)| format!("{name}: '{value}'")).collect();
        let file = format!(
            "default: cloud\nplaces:\n  cloud: {{ url: '{bucket}/named', backend: zarr, options: {{ {} }} }}\n",
            options.join(", ")
        );
        cloud.shell.write("fascicle.yaml", file);
        cloud.shell.write("x.npy", npy_integers(0..100));
        cloud
    }

    fn s3(server: &ObjectServer) -> Self {
        let options = [("region", "us-east-1"), ("endpoint", &server.endpoint()), ("allow_http", "true")]
            .map(|(name, value)| (name, value.to_owned()));
        let credentials = vec![("AWS_ACCESS_KEY_ID", ACCESS_KEY), ("AWS_SECRET_ACCESS_KEY", SECRET_KEY)];
        Cloud::new("s3://bucket", options.into(), credentials)
    }

    fn google(server: &ObjectServer) -> Self {
        let options = vec![("google_base_url", server.endpoint()), ("allow_http", "true".to_owned())];
        Cloud::new("gs://bucket", options, vec![("GOOGLE_BEARER_TOKEN", BEARER_TOKEN)])
    }

    fn azure(server: &AzuriteServer) -> Self {
        let (mut options, mut credentials) = (Vec::new(), Vec::new());
        for (name, value) in server.azure_options() {
            match name.as_str() {
                "azure_storage_account_key" => {
                    credentials.push(("AZURE_STORAGE_ACCOUNT_KEY", &*value.leak()))
                }
                _ => options.push((&*name.leak(), value)),
            }
        }
        Cloud::new("az://bucket", options, credentials)
    }

    fn run_with(&self, credentials: &[(&str, &str)], arguments: &[&str]) -> Ended {
        let options: String = self.options.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        let mut command = self.shell.command(arguments);
        command.envs(credentials.iter().copied());
        let ended = ended(command.env("FASCICLE_STORE_OPTIONS", options).output().unwrap());
        let told = format!("{}{}", ended.stdout, ended.stderr);
        assert!(self.credentials.iter().all(|(_, secret)| !told.contains(secret)), "{told}");
        ended
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(&self.credentials, arguments)
    }

    fn fine(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "fascicle {arguments:?}\n{}", ended.stdout);
        ended.stdout
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.fine(&[arguments, &["--json"]].concat())).unwrap()
    }

    fn ends(&self, code: i32, arguments: &[&str]) -> String {
        let ended = self.run(arguments);
        assert_eq!(ended.code, code, "fascicle {arguments:?}\n{}{}", ended.stdout, ended.stderr);
        ended.stderr
    }
}

#[test]
fn an_interrupted_command_goes_on_at_its_path_on_a_store() {
    let server = ObjectServer::with_bucket("bucket");
    let cloud = Cloud::s3(&server);
    let script = "at=$(cat \"$FASCICLE_PROGRESS\"); \
        if [ -n \"$at\" ]; then fascicle put --value \"[$at]\" \"$FASCICLE_DIR/b\"; exit; fi; \
        fascicle put --value '[1]' \"$FASCICLE_DIR/a\"; trap 'exit 75' TERM; echo 7 > \"$FASCICLE_PROGRESS\"; \
        kill -TERM $PPID; while :; do sleep 0.05; done";
    let command = ["run", "@cloud", "Cells", "--resume", "--path", "mine", "--", "sh", "-c", script];
    cloud.ends(75, &command);
    cloud.fine(&command);
    for (name, value) in [("a", 1), ("b", 7)] {
        assert_eq!(cloud.json(&["get", &format!("@cloud/mine/{name}")])["data"], json!([value]));
    }
}

#[test]
fn every_verb_works_on_s3() {
    every_verb_works(&Cloud::s3(&ObjectServer::with_bucket("bucket")));
}

#[test]
fn every_verb_works_on_google_cloud_storage() {
    every_verb_works(&Cloud::google(&ObjectServer::with_bucket("bucket")));
}

#[test]
fn every_verb_works_on_azure() {
    let server = AzuriteServer::start();
    server.create_container("bucket");
    every_verb_works(&Cloud::azure(&server));
}

fn every_verb_works(cloud: &Cloud) {
    let deep = format!("{}/deep/data", cloud.bucket);
    assert_eq!(cloud.json(&["init", &deep, "--backend", "zarr"])["backend"], "zarr");
    for root in ["@cloud", "@", &deep] {
        let at = |path: &str| format!("{root}/{path}");
        cloud.fine(&["put", "x.npy", &at("cells/x")]);
        cloud.fine(&["append", "x.npy", &at("cells/x")]);
        cloud.fine(&["put", "--value", "[[0.5, 1.5]]", &at("cells/deep/y")]);
        cloud.shell.write("notes.txt", "text");
        cloud.fine(&["put", "notes.txt", &at("cells/")]);
        assert_eq!(cloud.fine(&["ls", "-1", root]), "cells\n");
        assert_eq!(cloud.fine(&["ls", "-1", &at("cells")]), "deep\nnotes.txt\nx\n");
        assert_eq!(cloud.json(&["show", &at("cells/x")])["shape"], json!([200]));
        assert_eq!(cloud.json(&["get", &at("cells/deep/y")])["data"], json!([[0.5, 1.5]]));
        assert_eq!(cloud.fine(&["get", &at("cells/notes.txt")]), "text");
        let tree = cloud.fine(&["tree", &at("cells")]);
        assert!(tree.contains("deep/") && tree.contains("y.zarr"), "{tree}");
        assert!(cloud.json(&["du", root]).is_object());
        assert!(cloud.json(&["meta", &at("cells")]).is_object());
        cloud.fine(&["mv", &at("cells/x"), &at("cells/moved")]);
        cloud.fine(&["put", "x.npy", &at("cells/x")]);
        cloud.ends(1, &["diff", &at("cells/x"), &at("cells/moved")]);
        cloud.fine(&["diff", &at("cells/x"), &at("cells/x")]);
        cloud.fine(&["put", "x.npy", "local/cells/x"]);
        cloud.fine(&["diff", "local/cells/x", &at("cells/x")]);
        assert_eq!(cloud.json(&["--root", root, "show", "cells/x"])["shape"], json!([100]));
        assert_eq!(cloud.json(&["--root", root, "show", &at("cells/x")])["shape"], json!([100]));
        cloud.fine(&["cp", "--verify", "local/cells/x", &at("cells/copied")]);
        let digest =
            |place: &str| cloud.fine(&["digest", place]).split_whitespace().next().map(str::to_owned);
        assert_eq!(digest("local/cells/x"), digest(&at("cells/copied")));
        cloud.shell.write("t.csv", "n,name\n1,a\n2,b\n");
        cloud.fine(&["put", "t.csv", &at("cells/t")]);
        cloud.fine(&["append", "t.csv", &at("cells/t")]);
        assert_eq!(
            cloud.json(&["sql", &at("cells"), "select sum(n) as n from t"])["data"],
            json!([{"n": 6}])
        );
        cloud.fine(&["compact", &at("cells/t"), "--apply"]);
        assert_eq!(cloud.json(&["show", &at("cells/t")])["rows"], json!(4));
        assert!(cloud.fine(&["table", &at("cells"), "--include", "x"]).contains("99"));
        cloud.fine(&["run", root, "Built", "n=3", "--", "true"]);
        assert!(cloud.fine(&["find", root, "Built", "n>2"]).contains("Built_0000"));
        for verb in ["verify", "repair", "gc"] {
            cloud.fine(&[verb, root]);
        }
        cloud.fine(&["rm", "-r", &at("cells"), &at("Built_0000")]);
        assert_eq!(cloud.fine(&["ls", root]), "");
    }
}

#[test]
fn a_command_builds_in_a_store() {
    let server = ObjectServer::with_bucket("bucket");
    let cloud = Cloud::s3(&server);
    cloud.fine(&["init", "s3://bucket/data", "--backend", "zarr"]);
    std::fs::create_dir(cloud.shell.path("elsewhere")).unwrap();
    let script = "cd /; fascicle put --value '[1, 2]' \"$FASCICLE_DIR/x\" && echo built $FASCICLE_DIR";
    for (root, place) in [
        ("s3://bucket/data", "s3://bucket/data/Cells_0000"),
        ("@cloud", "@cloud/Cells_0000"),
        ("@", "@/Cells_0000"),
    ] {
        let command = ["run", root, "Cells", "n=3", "--", "sh", "-c", script];
        let first = cloud.run(&command);
        assert_eq!((first.code, first.stdout.trim_end()), (0, place), "{}", first.stderr);
        // `@` is the same place as `@cloud`.
        assert_eq!(first.stderr.contains("built"), root != "@", "{}", first.stderr);
        assert_eq!(cloud.fine(&["run", root, "Cells", "n=3"]).trim_end(), place);
        assert_eq!(cloud.json(&["get", &format!("{place}/x")])["data"], json!([1, 2]));
    }
    let within = "fascicle run s3://bucket/named Cells n=4 -- true";
    let told = cloud.ends(2, &["run", "@cloud", "Cells", "n=4", "--", "sh", "-c", within]);
    assert!(told.contains("asks for the same build"), "{told}");
    let failed = cloud.ends(7, &["run", "@cloud", "Cells", "n=5", "--", "sh", "-c", "exit 7"]);
    assert!(failed.contains("exit code 7"), "{failed}");
}

#[test]
fn what_a_store_refuses_is_told_without_secrets() {
    let server = ObjectServer::with_bucket("bucket");
    let cloud = Cloud::s3(&server);
    let told = cloud.ends(3, &["ls", "s3://bucket/nothing/here"]);
    assert!(told.contains("fascicle init") && told.contains("--root"), "{told}");
    cloud.ends(3, &["ls", "s3://missing-bucket/x"]);
    cloud.ends(2, &["init", "s3://bucket/x"]);
    assert!(server.keys("bucket").is_empty(), "{:?}", server.keys("bucket"));
    let denied = cloud.run_with(
        &[("AWS_ACCESS_KEY_ID", "hidden-access-key"), ("AWS_SECRET_ACCESS_KEY", SECRET_KEY)],
        &["ls", "@cloud"],
    );
    assert!(denied.code != 0 && !denied.stderr.contains("hidden"), "{}", denied.stderr);
    let given = ["ls", "s3://bucket/x", "--store-option", "aws_secret_access_key=hidden-secret"];
    let told = cloud.ends(2, &given);
    assert!(told.contains("AWS_SECRET_ACCESS_KEY") && !told.contains("hidden"), "{told}");
    let told = cloud.ends(2, &["ls", "s3://user:hidden@bucket/x"]);
    assert!(!told.contains("hidden"), "{told}");
    assert!(server.keys("bucket").is_empty(), "{:?}", server.keys("bucket"));
}

#[test]
fn memory_is_a_place_for_every_verb() {
    let shell = Shell::new();
    shell.fine(&["put", "--value", "[1, 2]", "memory:a/cells/x"]);
    assert!(!shell.fine(&["tree", "memory:a"]).contains("cells"), "each process has its own");
    shell.refused(2, "unsupported", &["run", "memory:a", "Cells", "n=1", "--", "true"]);
}
