//! Files that are wrong, broken or hostile.

use crate::Place;
use fascicle::{ErrorKind, StorageConfiguration};
use std::time::{Duration, Instant};

fn refused(place: &Place, profile: Option<&str>) -> fascicle::Error {
    StorageConfiguration::read(place.file(), profile).unwrap_err()
}

#[test]
fn wrong_fields_are_named_with_file_path_and_what_would_fit() {
    for (text, told) in [
        // Unknown fields.
        ("defualt: a", &["`defualt` is not known; did you mean 'default'?", "default, places, profiles"][..]),
        (
            "places: {a: {urll: x}}",
            &["`places.a.urll` is not known; did you mean 'url'?", "url, backend, options"],
        ),
        (
            "places: {a: {url: x, arrays: {chunks: 3}}}",
            &["`places.a.arrays.chunks`", "did you mean 'chunk_bytes'?"],
        ),
        (
            "places: {a: {url: x, tables: {chunk_bytes: 3}}}",
            &["`places.a.tables.chunk_bytes`", "codec, level"],
        ),
        ("profiles: {p: {profiles: {}}}", &["`profiles.p.profiles` is not known", "default, places"]),
        ("profiles: {p: {places: {a: {bakend: x}}}}", &["`profiles.p.places.a.bakend`", "'backend'"]),
        // Wrong types.
        ("default: 3", &["`default` is an integer, and not text"]),
        ("places: [a]", &["`places` is a list, and not a mapping"]),
        ("places: {a: ./data}", &["`places.a` is text, and not a mapping"]),
        ("places: {a: {url: 3}}", &["`places.a.url` is an integer, and not text"]),
        ("places: {a: {url: x, backend: [hdf5]}}", &["`places.a.backend` is a list"]),
        ("places: {a: {url: x, options: 3}}", &["`places.a.options` is an integer, and not a mapping"]),
        ("places: {a: {url: x, options: {b: [1]}}}", &["`places.a.options.b` is a list", "a truth value"]),
        ("places: {a: {url: x, options: {b: {c: 1}}}}", &["`places.a.options.b` is a map"]),
        ("profiles: {p: 3}", &["`profiles.p` is an integer"]),
        ("profiles: {p: {places: {a: {url: 1.5}}}}", &["`profiles.p.places.a.url` is a float"]),
        // Values.
        (
            "default: b\nplaces: {bb: {url: x}}",
            &["`default` names place 'b', which is not known", "its places are bb"],
        ),
        ("default: a", &["which is not known", "it has no places"]),
        ("places: {a: {}}", &["`places.a.url` is missing", "./data"]),
        ("places: {a: {url: ''}}", &["`places.a.url` is empty"]),
        ("places: {a: {url: \"x\\ny\"}}", &["`places.a.url` is empty or holds a control character"]),
        ("places: {a: {url: '~/data'}}", &["`places.a.url` is no place", "give the whole path"]),
        ("places: {a: {url: '@b'}, b: {url: x}}", &["`places.a.url` names another place"]),
        ("places: {a: {url: 's3:/bucket'}}", &["`places.a.url` has a ':'", "'./'"]),
        ("places: {'a b': {url: x}}", &["`places.a b` cannot be a name"]),
        ("places: {'': {url: x}}", &["cannot be a name"]),
        ("places: {a.b: {url: x}}", &["cannot be a name"]),
        ("profiles: {'../p': {}}", &["cannot be a name"]),
        (
            "places: {a: {url: x, arrays: {chunk_bytes: 8MB}}}",
            &["`places.a.arrays.chunk_bytes` is not a number of bytes", "8MiB"],
        ),
        ("places: {a: {url: x, arrays: {chunk_bytes: -1}}}", &["`places.a.arrays.chunk_bytes` is not"]),
        ("places: {a: {url: x, arrays: {chunk_bytes: 0}}}", &["between 1 and 1GiB"]),
        ("places: {a: {url: x, arrays: {chunk_bytes: 2GiB}}}", &["between 1 and 1GiB"]),
        (
            "places: {a: {url: x, arrays: {codec: lzma}}}",
            &["`places.a.arrays.codec` cannot be 'lzma'", "zstd, gzip or none"],
        ),
        (
            "places: {a: {url: x, arrays: {codec: gzip, level: 10}}}",
            &["`places.a.arrays.level` is not between 1 and 9"],
        ),
        ("places: {a: {url: x, arrays: {codec: zstd, level: 999999999999}}}", &["between 1 and 22"]),
        ("places: {a: {url: x, arrays: {codec: none, level: 1}}}", &["`places.a.arrays.level` is of no use"]),
        ("places: {a: {url: x, arrays: {level: 1}}}", &["`places.a.arrays.level` needs a codec"]),
        (
            "places: {a: {url: x, tables: {codec: zstd, level: high}}}",
            &["`places.a.tables.level` is not a number"],
        ),
        ("3", &["it is an integer, and not a mapping"]),
    ] {
        let place = Place::new(text);
        let error = refused(&place, None);
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text}: {error}");
        let file = format!("cannot use the storage configuration '{}': ", place.file().display());
        for told in told.iter().copied().chain([file.as_str()]) {
            assert!(error.to_string().contains(told), "{text}:\n{error}\nlacks {told}");
        }
        assert!(!error.to_string().contains('\n'), "{error}");
    }
}

#[test]
fn profiles_are_known_or_refused() {
    let place = Place::new(
        "{places: {a: {url: x, arrays: {codec: zstd, level: 19}}}, profiles: {cluster: {places: {a: {arrays: {codec: gzip}}}}, empty: {}}}",
    );
    let error = refused(&place, Some("clusster"));
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("no profile 'clusster'; did you mean 'cluster'?"), "{error}");
    assert!(error.to_string().contains("its profiles are cluster, empty"), "{error}");
    // What fits neither alone is told with the profile that makes it so.
    let error = refused(&place, Some("cluster"));
    assert!(error.to_string().contains("`places.a.arrays.level` is not between 1 and 9"), "{error}");
    assert!(error.to_string().contains("the profile 'cluster' is put upon it"), "{error}");
    place.write("places: {a: {url: x}}");
    assert!(refused(&place, Some("any")).to_string().contains("it has no profiles"));
}

#[test]
fn secrets_are_refused_and_never_repeated() {
    const SECRET: &str = "hunter2";
    for field in [
        "url: 's3://user:hunter2@bucket/x'",
        "url: 's3://hunter2@bucket/x'",
        "url: 's3://user:hunter2/x@bucket'",
        "url: 'gs://bucket/x?token=hunter2'",
        "url: 'az://bucket/x#hunter2'",
        "url: 's3:user:hunter2@bucket'",
        "url: !!int 's3://user:hunter2@bucket'",
        "url: [hunter2]",
        "url: x, options: {aws_secret_access_key: hunter2}",
        "url: x, options: {secretAccessKey: hunter2}",
        "url: x, options: {AZURE-STORAGE-ACCOUNT-KEY: hunter2}",
        "url: x, options: {sas: hunter2}",
        "url: x, options: {token: {hunter2: hunter2}}",
        "url: x, options: {password: !!int hunter2}",
        "url: x, options: {password: !!binary '?hunter2'}",
        "url: x, options: {endpoint: 'https://user:hunter2@host'}",
        "url: x, options: {endpoint: 'https://host/?sig=hunter2'}",
        "url: x, backend: [hunter2]",
        "url: x, options: hunter2",
    ] {
        for text in [
            format!("places: {{a: {{{field}}}}}"),
            format!("profiles: {{p: {{places: {{a: {{{field}}}}}}}}}"),
        ] {
            let error = refused(&Place::new(&text), None);
            let told = format!("{error} {error:?} {error:#?} {}", error.chain());
            assert!(!told.contains(SECRET), "{text}: {told}");
            assert!(told.contains("places.a."), "{text}: {told}");
        }
    }
    let error = refused(&Place::new("places: {a: {url: x, options: {account_key: abc}}}"), None);
    assert!(error.to_string().contains("`places.a.options.account_key` looks like a secret"), "{error}");
    assert!(error.advice().unwrap().contains("environment"), "{error}");
}

#[test]
fn what_is_not_yaml_or_too_much_is_refused_in_time() {
    let bomb = format!("a: &a [1,1]\n{}", "b: [*a,*a,*a]\n".repeat(1000));
    let many = format!("places: {{{}}}", (0..60_000).map(|n| format!("p{n}: null, ")).collect::<String>());
    let long_key = format!("{}: 1", "k".repeat(1000));
    for (text, kind) in [
        (&b""[..], ErrorKind::Corrupt),
        (b"# nothing\n", ErrorKind::Corrupt),
        (b"places: {", ErrorKind::Corrupt),
        (b"places: {a: {url: x}, a: {url: y}}", ErrorKind::Corrupt),
        (b"\xff\xfe", ErrorKind::Corrupt),
        (b"a\0b: 1", ErrorKind::Corrupt),
        (b"default: a\n---\ndefault: b", ErrorKind::Corrupt),
        (b"default: !!python/object/apply:os.system ['id']", ErrorKind::Corrupt),
        (b"places: {<<: {a: 1}}", ErrorKind::Corrupt),
        (bomb.as_bytes(), ErrorKind::Corrupt),
        (many.as_bytes(), ErrorKind::LimitExceeded),
        ("[".repeat(100_000).as_bytes(), ErrorKind::LimitExceeded),
        (" ".repeat(2 << 20).as_bytes(), ErrorKind::LimitExceeded),
        (long_key.as_bytes(), ErrorKind::InvalidInput),
        (b"\"a\\nerror: all is lost\": 1", ErrorKind::InvalidInput),
    ] {
        let place = Place::new("");
        place.write(text);
        let begin = Instant::now();
        let error = refused(&place, None);
        assert!(begin.elapsed() < Duration::from_secs(5), "{error}");
        let shown: String = String::from_utf8_lossy(text).chars().take(60).collect();
        assert_eq!(error.kind(), kind, "{shown}: {error}");
        let told = error.to_string();
        assert!(
            told.contains("fascicle.yaml") && !told.contains('\n') && told.len() < 600,
            "{shown}: {told}"
        );
    }
}

#[test]
fn what_is_no_file_is_refused() {
    let place = Place::new("");
    std::fs::remove_file(place.file()).unwrap();
    let error = refused(&place, None);
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "a missing file is no missing entry");
    assert!(error.to_string().contains("there is no such file"), "{error}");
    std::fs::create_dir(place.file()).unwrap();
    assert!(refused(&place, None).to_string().contains("it is not a file"));
    for special in ["/dev/zero", "/dev/null"] {
        assert!(
            StorageConfiguration::read(special, None).unwrap_err().to_string().contains("it is not a file")
        );
    }
    // A pipe that nobody writes to would be waited for without end.
    let pipe = place.path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert!(StorageConfiguration::read(&pipe, None).unwrap_err().to_string().contains("it is not a file"));
}
