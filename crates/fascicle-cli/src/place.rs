//! Places: `ROOT/DIR/…/ENTRY`, and where in it the root ends.

use clap::Args;
use fascicle::config::{Map, parse_arguments};
use fascicle::expert::looks_secret;
use fascicle::{Directory, EntryKind, EntryPath, Error, ErrorKind, OpenOptions, Result, Root};
use std::path::{Component, Path, PathBuf};

/// How a place is told apart into root and entry, shown at the end of `--help`.
pub(crate) const HELP: &str = "\
Places:
  A PLACE is ROOT/DIR/…/ENTRY: a root, which is a folder, and the path of an
  entry in it, such as data/CellMeasurements_0000/connections/pre_cell_id.
  The root itself is a place, too. Which part of a place is the root:
    1. the nearest folder, from the place upwards, that holds what only roots
       hold: '_fascicle.yaml' or '_index';
    2. else the folder that holds the outermost folder with a '_meta.yaml',
       as in trees made by datamate;
    3. else the deepest folder that exists. A relative place of several parts
       of which nothing exists yet begins with its root: the first write to
       data/cells/x makes a root 'data'.
  @NAME/DIR/…/ENTRY stands in the root of that name in 'fascicle.yaml', in this folder or above it; @/DIR/… in its
  default one. FASCICLE_CONFIG is the path of another file, FASCICLE_PROFILE a profile in it, FASCICLE_PLACE another
  default. './@x' is a folder.
  s3://BUCKET/…/DIR/ENTRY, gs://…, az://… and abfs://… stand in the nearest
  prefix, from the place upwards, with '_fascicle.yaml' or '_index/'; 'init'
  makes one. Credentials come from the environment and the cloud's own files.
  With --root ROOT a PLACE is the path below ROOT, '.' is the root itself, and
  nothing is guessed. Entries are named as they are addressed; the name under
  which one is stored (x.h5 for x) is understood, too.";

/// Which root places stand in.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct RootArgument {
    /// The root; places are then paths below it, and nothing is guessed
    #[arg(long, value_name = "ROOT", global = true)]
    root: Option<String>,

    /// An option of the store at s3://, gs://, az:// or abfs:// places, such as region=eu-west-1; no secrets. The environment
    /// variable FASCICLE_STORE_OPTIONS has more, one on each line
    #[arg(long = "store-option", value_name = "NAME=VALUE", global = true)]
    store_options: Vec<String>,
}

/// The environment variable with options of stores.
pub(crate) const STORE_OPTIONS: &str = "FASCICLE_STORE_OPTIONS";

/// An entry, or the root itself, in an opened root.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) root: Root,
    /// The path below the root; empty for the root itself.
    pub(crate) path: EntryPath,
    /// As it was given.
    pub(crate) given: String,
}

impl RootArgument {
    /// Refuses `--root` for a verb that is given the root itself.
    pub(crate) fn check_unused(&self) -> Result<()> {
        match &self.root {
            None => Ok(()),
            Some(_) => {
                Err(Error::new(ErrorKind::InvalidInput, "this verb is given the root itself, without --root"))
            }
        }
    }

    /// Opens the root of a place. Nothing needs to exist.
    pub(crate) async fn locate(&self, given: &str) -> Result<Place> {
        let (root, path) = match &self.root {
            Some(root) => (root.clone(), below(root, given)?),
            None => match fascicle::Place::parse(given) {
                Ok(fascicle::Place::Address(_)) => self.split_address(given).await?,
                _ => split(given)?,
            },
        };
        let path = EntryPath::parse(&path).map_err(|error| error.during("understand the place"))?;
        Ok(Place { root: self.open_root(&root).await?, path, given: given.to_owned() })
    }

    /// Opens a root.
    pub(crate) async fn open_root(&self, root: &str) -> Result<Root> {
        self.options(root)?.open(root).await
    }

    /// How the root at a place is opened: the options of stores are for places that are given by their address.
    pub(crate) fn options(&self, root: &str) -> Result<OpenOptions> {
        let options = match fascicle::Place::parse(root)? {
            fascicle::Place::Address(_) => parse_arguments(&self.store_options()?)?,
            _ => Map::new(),
        };
        Ok(OpenOptions { options, ..OpenOptions::default() })
    }

    /// The options of stores as they are given, `NAME=VALUE`, those of the environment first.
    pub(crate) fn store_options(&self) -> Result<Vec<String>> {
        let wrong = |why: &str, hint: &str| {
            Err(Error::new(ErrorKind::InvalidInput, why)
                .during("understand the options of the store")
                .hint(hint))
        };
        let inherited = match std::env::var(STORE_OPTIONS) {
            Ok(inherited) => inherited,
            Err(std::env::VarError::NotPresent) => String::new(),
            Err(_) => {
                return wrong("FASCICLE_STORE_OPTIONS is not UTF-8", "it holds one NAME=VALUE on each line");
            }
        };
        let lines = inherited.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned);
        let options: Vec<String> = lines.chain(self.store_options.iter().cloned()).collect();
        if options.iter().any(|option| looks_secret(option.split('=').next().unwrap_or_default())) {
            // Other users see the arguments of a command.
            return wrong(
                "an option of the store looks like a secret, which is not given so",
                "set it in the environment of the cloud, such as AWS_SECRET_ACCESS_KEY, or in the cloud's usual files",
            );
        }
        Ok(options)
    }

    async fn split_address(&self, given: &str) -> Result<(String, String)> {
        let found = self.options(given)?.find_root(given).await?;
        found.map(|(root, path)| (root, path.to_string())).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "there is no root at it or above it")
                .during("find the root of the place")
                .at(fascicle::Place::parse(given).map_or_else(|_| String::new(), |place| place.to_string()))
                .hint("make one, such as `fascicle init s3://BUCKET/NAME --backend zarr`, or say which it is with --root")
        })
    }

    /// The same for an entry that exists, which may be named as it is stored. Fails with
    /// [`ErrorKind::NotFound`] when there is none.
    pub(crate) async fn find(&self, given: &str) -> Result<Place> {
        let place = self.locate(given).await?;
        if place.path.is_root() || place.kind().await?.is_some() {
            return Ok(place);
        }
        let home = place.home()?;
        let entries = home.entries().await?;
        if let Some(entry) = entries.iter().find(|entry| entry.stored_name == place.path.name()) {
            return Ok(Place { path: home.path().join(&entry.name)?, ..place });
        }
        // Answers with what is there instead.
        match home.get(place.path.name()).await {
            Ok(_) => Ok(place),
            Err(error) => Err(error),
        }
    }

    /// The same for a directory.
    pub(crate) async fn find_directory(&self, given: &str) -> Result<Directory> {
        let place = self.find(given).await?;
        match place.kind().await? {
            Some(EntryKind::Directory) => place.directory(),
            kind => {
                let kind = kind.map_or("missing", EntryKind::name);
                Err(Error::new(ErrorKind::WrongKind, format!("it is not a directory but of kind '{kind}'"))
                    .during("open directory")
                    .at(given))
            }
        }
    }
}

impl Place {
    /// The kind of what is there; the root is a directory.
    pub(crate) async fn kind(&self) -> Result<Option<EntryKind>> {
        if self.path.is_root() {
            return Ok(Some(EntryKind::Directory));
        }
        self.root.as_dir().kind(self.path.as_str()).await
    }

    /// A handle to the directory here.
    pub(crate) fn directory(&self) -> Result<Directory> {
        if self.path.is_root() { Ok(self.root.as_dir()) } else { self.root.dir(self.path.as_str()) }
    }

    /// A handle to the directory that the entry stands in.
    pub(crate) fn home(&self) -> Result<Directory> {
        match self.path.parent() {
            Some(parent) if parent.is_root() => Ok(self.root.as_dir()),
            Some(parent) => self.root.dir(parent.as_str()),
            None => Err(Error::new(ErrorKind::InvalidInput, "this is a root and not an entry")
                .hint("name an entry in it, such as ROOT/DIRECTORY/ENTRY")
                .at(&self.given)),
        }
    }

    /// The name of the entry in the directory it stands in.
    pub(crate) fn name(&self) -> &str {
        self.path.name()
    }

    /// Whether the place was given with a final `/`, so that something is to be put into it.
    pub(crate) fn is_given_as_directory(&self) -> bool {
        self.given.ends_with('/')
    }

    /// The place of an entry of this directory.
    pub(crate) fn join(&self, name: &str) -> Result<Self> {
        let given = format!("{}/{name}", self.given.trim_end_matches('/'));
        Ok(Place { root: self.root.clone(), path: self.path.join(name)?, given })
    }
}

/// Where in a root's directories other processes write, as the beginning of places: a folder, or what names the root.
pub(crate) fn shared_root(root: &str) -> Result<String> {
    let given = root.trim_end_matches('/');
    match fascicle::Place::parse(root)?.located()? {
        fascicle::Place::Folder(path) => utf8(&absolute(&path)?),
        fascicle::Place::Memory(name) => Err(Error::new(
            ErrorKind::Unsupported,
            "a command cannot fill a directory in another process' memory",
        )
        .during("find or build in")
        .at(fascicle::Place::Memory(name))),
        _ => Ok(given.to_owned()),
    }
}

/// The path below an explicit root; a place that begins with the root is understood, too.
fn below(root: &str, given: &str) -> Result<String> {
    if let Some(rest) = given.strip_prefix(root.trim_end_matches('/'))
        && matches!(
            fascicle::Place::parse(given),
            Ok(fascicle::Place::Address(_) | fascicle::Place::Named(_))
        )
        && (rest.is_empty() || rest.starts_with('/'))
    {
        return Ok(rest.trim_matches('/').to_owned());
    }
    if !Path::new(given).is_absolute() {
        let parts = given.trim_end_matches('/').split('/').filter(|part| !part.is_empty() && *part != ".");
        return Ok(parts.collect::<Vec<_>>().join("/"));
    }
    let (root, place) = (absolute(Path::new(root))?, absolute(Path::new(given))?);
    match place.strip_prefix(&root) {
        Ok(path) => utf8(path),
        Err(_) => Err(Error::new(
            ErrorKind::InvalidPath,
            format!("it does not lie within the root '{}'", root.display()),
        )
        .during("understand the place")
        .at(given)),
    }
}

/// Tells a place apart into its root and the path below it, as [`HELP`] says.
fn split(given: &str) -> Result<(String, String)> {
    if given.is_empty() {
        return Err(
            Error::new(ErrorKind::InvalidPath, "the place is empty").hint("the folder you are in is '.'")
        );
    }
    let place = match fascicle::Place::parse(given)? {
        fascicle::Place::Folder(path) => absolute(&path)?,
        fascicle::Place::Memory(name) => {
            let (name, path) = name.split_once('/').unwrap_or((&name, ""));
            return Ok((format!("memory:{name}"), path.trim_end_matches('/').to_owned()));
        }
        fascicle::Place::Named(named) => return Ok((named.root(), named.entry().to_string())),
        // Looked up by the store, before this.
        fascicle::Place::Address(address) => return Ok((address.text().to_owned(), String::new())),
    };
    let root = find_root(&place).unwrap_or_else(|| guess_root(&place, Path::new(given)));
    let path = place.strip_prefix(&root).map_err(|error| {
        Error::new(ErrorKind::Internal, "a place does not lie within its own root").caused_by(error).at(given)
    })?;
    Ok((utf8(&root)?, utf8(path)?))
}

fn find_root(place: &Path) -> Option<PathBuf> {
    let is_root = |folder: &&Path| folder.join("_fascicle.yaml").is_file() || folder.join("_index").is_dir();
    if let Some(root) = place.ancestors().find(is_root) {
        return Some(root.to_owned());
    }
    let outermost = place.ancestors().filter(|folder| folder.join("_meta.yaml").is_file()).last()?;
    Some(outermost.parent().unwrap_or(outermost).to_owned())
}

/// The root of a place that no root, and no directory, is found above.
fn guess_root(place: &Path, given: &Path) -> PathBuf {
    let deepest = place.ancestors().find(|folder| folder.is_dir()).unwrap_or(place).to_owned();
    let mut parts = given.components().filter(|part| matches!(part, Component::Normal(_)));
    let (first, second) = (parts.next(), parts.next());
    let missing = place.strip_prefix(&deepest).map_or(0, |missing| missing.components().count());
    let nothing_exists =
        missing == given.components().filter(|part| matches!(part, Component::Normal(_))).count();
    match (first, second) {
        (Some(first), Some(_)) if given.is_relative() && nothing_exists => deepest.join(first),
        _ => deepest,
    }
}

/// The path from the file system's root on, without `.` and `..`. A `..` goes where the file system says, through
/// links; everything else is left as it was written.
fn absolute(path: &Path) -> Result<PathBuf> {
    let failed = |error: std::io::Error| Error::from(error).during("understand the place").at(path.display());
    let mut clean = PathBuf::new();
    for part in std::path::absolute(path).map_err(failed)?.components() {
        match part {
            Component::ParentDir => {
                clean = clean.canonicalize().map_err(failed)?;
                clean.pop();
            }
            part => clean.push(part),
        }
    }
    Ok(clean)
}

fn utf8(path: &Path) -> Result<String> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        Error::new(ErrorKind::InvalidPath, "the path is not UTF-8")
            .during("understand the place")
            .at(path.display())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn parts(base: &Path, given: &str) -> (String, String) {
        let (root, path) = split(base.join(given).to_str().unwrap()).unwrap();
        let root = Path::new(&root).strip_prefix(base).unwrap().to_str().unwrap().to_owned();
        (root, path)
    }

    fn expected(root: &str, path: &str) -> (String, String) {
        (root.to_owned(), path.to_owned())
    }

    #[test]
    fn the_root_is_where_its_marks_are() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().canonicalize().unwrap();
        for made in ["a/data/Cells_0000/sub", "b/data/Cells_0000/sub/deep", "c/plain/folder", "d/data/_index"]
        {
            fs::create_dir_all(base.join(made)).unwrap();
        }
        fs::write(base.join("a/data/_fascicle.yaml"), "").unwrap();
        fs::write(base.join("a/data/Cells_0000/_meta.yaml"), "").unwrap();
        fs::write(base.join("b/data/Cells_0000/_meta.yaml"), "").unwrap();
        fs::write(base.join("b/data/Cells_0000/sub/deep/_meta.yaml"), "").unwrap();
        for (given, root, path) in [
            ("a/data", "a/data", ""),
            ("a/data/", "a/data", ""),
            ("a/data/new/x", "a/data", "new/x"),
            ("a/data/Cells_0000/sub/../x", "a/data", "Cells_0000/x"),
            ("b/data/Cells_0000/sub/deep/x", "b/data", "Cells_0000/sub/deep/x"),
            ("b/data/Cells_0000", "b/data", "Cells_0000"),
            ("b/data", "b/data", ""),
            ("c/plain/folder/x", "c/plain/folder", "x"),
            ("c/plain/folder", "c/plain/folder", ""),
            ("d/data/./Cells/x", "d/data", "Cells/x"),
        ] {
            assert_eq!(parts(&base, given), expected(root, path), "{given}");
        }
    }

    #[test]
    fn a_relative_place_of_which_nothing_exists_begins_with_its_root() {
        let here = tempfile::tempdir().unwrap().path().to_owned();
        fs::create_dir_all(here.join("there")).unwrap();
        let guess = |given: &str| guess_root(&here.join(given), Path::new(given));
        assert_eq!(guess("data/cells/x"), here.join("data"));
        assert_eq!(guess("x"), here);
        assert_eq!(guess("there/cells/x"), here.join("there"));
        assert_eq!(guess_root(&here.join("data/cells/x"), &here.join("data/cells/x")), here);
    }

    #[test]
    fn a_place_below_an_explicit_root_is_a_path() {
        for (given, path) in [("a/b", "a/b"), (".", ""), ("./a/", "a"), ("/r/a/b", "a/b"), ("/r", "")] {
            assert_eq!(below("/r", given).unwrap(), path, "{given}");
        }
        assert_eq!(below("/r", "/other/a").unwrap_err().kind(), ErrorKind::InvalidPath);
        assert_eq!(below("/r", "../a").unwrap(), "../a");
    }

    #[test]
    fn memory_has_its_root_in_its_name() {
        assert_eq!(split("memory:a/b/c").unwrap(), expected("memory:a", "b/c"));
        assert_eq!(split("memory:").unwrap(), expected("memory:", ""));
    }
}
