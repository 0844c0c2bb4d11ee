//! Which names can be used, and that they are kept as they are.

use super::prelude::*;
use fascicle_backend::{MAX_DEPTH, MAX_NAME_BYTES, MAX_PATH_BYTES};

behaviours! { "path"
    /// Names in any script are listed and found exactly as they were given.
    unicode_names_are_kept [Write];
    /// Spaces and punctuation in names are kept, and do not make two names meet.
    punctuation_is_kept [Write];
    /// Names that begin alike, or differ by an ending only, are different entries.
    names_that_begin_alike_stay_apart [Write];
    /// Names that differ in case only are different entries, or the second one is refused and the first stays as it is.
    names_that_differ_in_case_never_overwrite_each_other [Write];
    /// A name of the greatest allowed length works for a directory and a file.
    the_longest_name_works [Write];
    /// A name of the greatest allowed length works for an array.
    the_longest_array_name_works [Write, Arrays];
    /// A name of the greatest allowed length works for a table.
    the_longest_table_name_works [Write, Tables];
    /// Entries nest as deep as a path may be.
    the_deepest_nesting_works [Write];
    /// A path of the greatest allowed length works.
    the_longest_path_works [Write];
    /// A name that some storage could not hold is refused as an invalid path, and nothing is created.
    names_that_cannot_travel_are_not_created [Write];
    /// A dot in the name of an array is refused, because the ending of its format follows the name.
    dots_in_array_names_are_refused [Write, Arrays];
    /// A dot in the name of a table is refused, because the ending of its format follows the name.
    dots_in_table_names_are_refused [Write, Tables];
}

/// Creates files whose content is their name, and finds each again.
async fn hold_names(subject: Subject, names: &[&str]) -> Checked {
    let place = subject.open().await?;
    for name in names {
        place.put_file_as(name, *name, WriteMode::Create).await?;
    }
    for name in names {
        ensure_eq!(place.file(name).await?, name.as_bytes(), "the file '{name}'");
    }
    let mut sorted: Vec<&str> = names.to_vec();
    sorted.sort_unstable();
    ensure_eq!(place.names("").await?, sorted, "the listing");
    Ok(())
}

async fn unicode_names_are_kept(subject: Subject) -> Checked {
    hold_names(subject, &["ü", "é", "日本", "данные", "🙂", "ﬁ", "ǅ", "नमस्ते", "a\u{200d}b"]).await
}

async fn punctuation_is_kept(subject: Subject) -> Checked {
    let names = [
        "measurements 1",
        "measurements  1",
        "measurements%201",
        "a-b_c",
        "a+b=c",
        "x#",
        "C#sharp",
        "100%",
        "(x)",
        "[y]",
        "{z}",
        "~",
        "$HOME",
        "'q'",
        "a,b;c",
        "@!&^`",
        "-rf",
    ];
    hold_names(subject, &names).await
}

async fn names_that_begin_alike_stay_apart(subject: Subject) -> Checked {
    hold_names(subject, &["a", "aa", "ab", "a b", "a.b", "a.b.c", "a.txt", "a0", "a-", "a_"]).await
}

async fn names_that_differ_in_case_never_overwrite_each_other(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file_as("notes", "lower", WriteMode::Create).await?;
    match place.put_file_as("Notes", "upper", WriteMode::Create).await {
        Ok(()) => ensure_eq!(place.file("Notes").await?, "upper".as_bytes(), "the second file"),
        Err(error) => ensure!(
            matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::InvalidPath),
            "refused with {error:?}"
        ),
    }
    ensure_eq!(place.file("notes").await?, "lower".as_bytes(), "the first file");
    Ok(())
}

async fn the_longest_name_works(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let (file, directory) = ("f".repeat(MAX_NAME_BYTES), "ü".repeat(MAX_NAME_BYTES / 2));
    place.put_file(&file, "content").await?;
    place.make_dir(&directory).await?;
    place.put_file(&format!("{directory}/x"), "inside").await?;
    ensure_eq!(place.names("").await?, [file.clone(), directory.clone()], "the listing");
    ensure_eq!(place.file(&file).await?, "content".as_bytes(), "the file");
    ensure_eq!(place.file(&format!("{directory}/x")).await?, "inside".as_bytes(), "the file inside");
    Ok(())
}

async fn the_longest_array_name_works(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let name = "a".repeat(MAX_NAME_BYTES);
    place.put_array(&name, &[3], samples::counting(0, 3)).await?;
    ensure_eq!(place.names("").await?, [name.clone()], "the listing");
    ensure_eq!(place.array(&name).await?.1, Bits(samples::counting(0, 3)), "the elements");
    Ok(())
}

async fn the_longest_table_name_works(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let (name, rows) = ("t".repeat(MAX_NAME_BYTES), samples::people(0, 3)?);
    place.put_table(&name, &rows).await?;
    ensure_eq!(place.names("").await?, [name.clone()], "the listing");
    ensure_eq!(place.table(&name).await?, rows, "the rows");
    Ok(())
}

async fn the_deepest_nesting_works(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let mut path = "d".to_owned();
    for _ in 1..MAX_DEPTH - 1 {
        place.make_dir(&path).await?;
        path += "/d";
    }
    place.make_dir(&path).await?;
    let file = format!("{path}/f");
    place.put_file(&file, "deep").await?;
    ensure_eq!(place.file(&file).await?, "deep".as_bytes(), "the file");
    ensure_eq!(place.names(&path).await?, ["f"], "the innermost listing");
    Ok(())
}

async fn the_longest_path_works(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let mut path = "p".repeat(100);
    place.make_dir(&path).await?;
    while path.len() + 101 <= MAX_PATH_BYTES - 2 {
        path = format!("{path}/{}", "p".repeat(100));
        place.make_dir(&path).await?;
    }
    let file = format!("{path}/{}", "f".repeat(MAX_PATH_BYTES - path.len() - 1));
    ensure_eq!(file.len(), MAX_PATH_BYTES, "the length of the path");
    place.put_file(&file, "far").await?;
    ensure_eq!(place.file(&file).await?, "far".as_bytes(), "the file");
    place.remove(&at("p".repeat(100).as_str())?).await?;
    ensure_eq!(place.names("").await?, Vec::<String>::new(), "the listing after removal");
    Ok(())
}

async fn names_that_cannot_travel_are_not_created(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("x", "as it was").await?;
    let before = place.everything().await?;
    let names = [
        ".hidden",
        "a:b",
        "what?",
        "a*",
        "a|b",
        "a\"b",
        "a<b",
        "a>b",
        "end.",
        "end ",
        " x",
        "x#1",
        "CON",
        "nul.txt",
        "com1",
        "x.h5",
        "x.hdf5",
        "x.zarr",
        "x.PARQUET",
        "x.csv",
        "u\u{308}",
    ];
    for name in names {
        refused(place.put_file(name, "no").await, ErrorKind::InvalidPath)
            .map_err(|failure| Failure::new(format!("the file '{name}': {failure}")))?;
        refused(place.make_dir(name).await, ErrorKind::InvalidPath)
            .map_err(|failure| Failure::new(format!("the directory '{name}': {failure}")))?;
    }
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}

async fn dots_in_array_names_are_refused(subject: Subject) -> Checked {
    let place = subject.open().await?;
    refused(place.put_array("a.b", &[1], samples::counting(0, 1)).await, ErrorKind::InvalidPath)?;
    ensure_eq!(place.names("").await?, Vec::<String>::new(), "the listing");
    Ok(())
}

async fn dots_in_table_names_are_refused(subject: Subject) -> Checked {
    let place = subject.open().await?;
    refused(place.put_table("a.b", &samples::people(0, 1)?).await, ErrorKind::InvalidPath)?;
    ensure_eq!(place.names("").await?, Vec::<String>::new(), "the listing");
    Ok(())
}
