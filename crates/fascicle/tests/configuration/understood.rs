//! What a file says.

use crate::Place;
use fascicle::config::Value;
use fascicle::{ArrayDefaults, Codec, ErrorKind, StorageConfiguration, TableDefaults};

const FILE: &str = "
default: local
places:
  local: { url: ./data, backend: hdf5 }
  # As it is written in the guide.
  cloud:
    url: s3://lab-bucket/experiments
    backend: zarr
    options: { region: eu-west-1, retries: 3, virtual: true }
    arrays: { chunk_bytes: 8MiB, codec: zstd }
    tables: { codec: gzip, level: 9 }
  scratch: { url: 'memory:scratch', arrays: { codec: none } }
profiles:
  cluster:
    default: cloud
    places:
      local: { url: /scratch/data }
      cloud: { options: { region: us-east-1, retries: null }, arrays: { level: 19 } }
      scratch: null
  empty:
";

#[test]
fn places_are_as_they_are_written() {
    let place = Place::new(FILE);
    let configuration = place.configuration();
    assert_eq!(configuration.names().collect::<Vec<_>>(), ["cloud", "local", "scratch"]);
    assert_eq!((configuration.default_name(), configuration.profile()), (Some("local"), None));
    assert_eq!(configuration.file(), place.file());

    let local = configuration.place(None).unwrap();
    assert_eq!((local.name(), local.backend()), ("local", Some("hdf5")));
    assert_eq!(*local.address(), fascicle::Place::Folder(place.path("data")), "relative to the file");
    assert_eq!((local.arrays(), local.tables()), (ArrayDefaults::default(), TableDefaults::default()));

    let cloud = configuration.place(Some("cloud")).unwrap();
    assert_eq!(*cloud.address(), fascicle::Place::parse("s3://lab-bucket/experiments").unwrap());
    assert_eq!(cloud.options().get("region"), Some(&Value::from("eu-west-1")));
    assert_eq!(cloud.options().get("retries"), Some(&Value::from(3)));
    let zstd = Some(Codec::Zstd { level: 3 });
    assert_eq!(cloud.arrays(), ArrayDefaults { chunk_bytes: Some(8 << 20), codec: zstd });
    assert_eq!(cloud.tables(), TableDefaults { codec: Some(Codec::Gzip { level: 9 }) });
    let scratch = configuration.place(Some("scratch")).unwrap();
    assert_eq!(scratch.arrays().codec, Some(Codec::Uncompressed));
}

#[test]
fn a_profile_is_put_upon_the_file_key_by_key() {
    let place = Place::new(FILE);
    let cluster = StorageConfiguration::read(place.file(), Some("cluster")).unwrap();
    assert_eq!((cluster.default_name(), cluster.profile()), (Some("cloud"), Some("cluster")));
    assert_eq!(cluster.names().collect::<Vec<_>>(), ["cloud", "local"], "null takes away");
    let local = cluster.place(Some("local")).unwrap();
    assert_eq!(*local.address(), fascicle::Place::Folder("/scratch/data".into()));
    assert_eq!(local.backend(), Some("hdf5"), "what a profile does not mention stays");
    let cloud = cluster.place(None).unwrap();
    let options: Vec<_> = cloud.options().iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(options, ["region=us-east-1", "virtual=true"]);
    assert_eq!(cloud.arrays().codec, Some(Codec::Zstd { level: 19 }));
    assert_eq!(cloud.arrays().chunk_bytes, Some(8 << 20));
    let empty = StorageConfiguration::read(place.file(), Some("empty")).unwrap();
    assert_eq!(empty.names().count(), 3);
}

#[test]
fn folders_are_relative_to_the_file_and_everything_else_is_absolute() {
    for (url, folder) in [
        ("data", "data"),
        ("./a/./b/", "a/b"),
        ("../up", "../up"),
        (".", ""),
        ("'./s3:x'", "s3:x"),
        ("'./@x'", "@x"),
        ("/abs", "/abs"),
        ("'file:///abs%20x'", "/abs x"),
    ] {
        let place = Place::new(&format!("places: {{a: {{url: {url}}}}}"));
        let configuration = place.configuration();
        let address = configuration.place(Some("a")).unwrap().address().clone();
        let expected: std::path::PathBuf = place.path(folder).components().collect();
        assert_eq!(address, fascicle::Place::Folder(expected), "{url}");
    }
}

#[test]
fn the_default_place_can_be_another() {
    let place = Place::new(FILE);
    let other = place.configuration().with_default("scratch").unwrap();
    assert_eq!(other.place(None).unwrap().name(), "scratch");
    let error = place.configuration().with_default("clod").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let file = place.file().display().to_string();
    for told in [&file, "there is no place 'clod'; did you mean 'cloud'?", "cloud, local, scratch"] {
        assert!(error.to_string().contains(told), "{error}");
    }
}

#[test]
fn values_of_options_are_never_printed() {
    let place =
        Place::new("{default: a, places: {a: {url: 's3://bucket-hidden/x', options: {region: hidden}}}}");
    let options = place.options().with_option("aws_secret_access_key", "hidden");
    let configuration = place.configuration();
    let told = format!("{options:?} {options:#?} {configuration:?} {:?}", configuration.place(None).unwrap());
    assert!(!told.contains("hidden"), "{told}");
    assert!(told.contains("region") && told.contains("aws_secret_access_key"), "{told}");
}

#[test]
fn the_examples_of_the_guide_are_right() {
    let guide = include_str!("../../../../docs/configuration.md");
    let examples: Vec<&str> =
        guide.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(examples.len(), 2);
    for text in examples {
        let place = Place::new(text);
        place.configuration();
        let cluster = StorageConfiguration::read(place.file(), Some("cluster")).unwrap();
        assert!(cluster.names().count() > 0);
    }
    let place = Place::new("places: {shared: {url: x, optoins: {}}}");
    let error = StorageConfiguration::read(place.file(), None).unwrap_err().to_string();
    let told = error.replace(place.file().to_str().unwrap(), "/home/me/fascicle.yaml");
    assert!(guide.contains(&told), "{told}");
}
