//! Attributes: small named values on entries.

use super::prelude::*;
use serde_json::json;

behaviours! { "attributes"
    /// An entry has no attributes at first.
    there_are_none_at_first [Write, Attributes];
    /// Any JSON value comes back as it was: null, numbers, text, lists, objects.
    any_json_value_comes_back [Write, Attributes];
    /// Integers stay integers and floats stay floats, to the last digit.
    numbers_keep_their_kind [Write, Attributes];
    /// Attributes can have any names.
    names_can_be_anything [Write, Attributes];
    /// Writing replaces all attributes, and writing none removes them.
    writing_replaces_all_of_them [Write, Attributes];
    /// A directory has attributes of its own, which are neither its meta nor entries.
    a_directory_has_them [Write, Attributes];
    /// A file has attributes, and its bytes stay as they are.
    a_file_has_them [Write, Attributes];
    /// An array has attributes, and its elements stay as they are.
    an_array_has_them [Write, Attributes, Arrays];
    /// A table has attributes, and its rows stay as they are.
    a_table_has_them [Write, Attributes, Tables];
    /// Attributes that are given when a file is created are there with it.
    a_file_is_created_with_them [Write, Attributes];
    /// Attributes that are given when an array is created are there with it.
    an_array_is_created_with_them [Write, Attributes, Arrays];
    /// Attributes that are given when a table is created are there with it.
    a_table_is_created_with_them [Write, Attributes, Tables];
    /// Attributes of one entry are not those of another, however alike the names.
    entries_have_their_own [Write, Attributes];
    /// What is overwritten begins without attributes.
    an_overwritten_entry_begins_without [Write, Attributes];
    /// An array that is overwritten begins without attributes.
    an_overwritten_array_begins_without [Write, Attributes, Arrays];
    /// A table that is overwritten begins without attributes.
    an_overwritten_table_begins_without [Write, Attributes, Tables];
    /// A removed entry takes its attributes along.
    a_removed_entry_takes_them_along [Write, Attributes];
    /// Appending to an array keeps its attributes.
    appending_to_an_array_keeps_them [Write, Attributes, Arrays, ArrayAppend];
    /// Appending to a table keeps its attributes.
    appending_to_a_table_keeps_them [Write, Attributes, Tables, TableAppend];
    /// Appending to a file keeps its attributes.
    appending_to_a_file_keeps_them [Write, Attributes, FileAppend];
    /// A missing entry has no attributes to read or to write.
    a_missing_entry_has_none [Write, Attributes];
    /// The root cannot be given attributes.
    the_root_cannot_be_given_any [Write, Attributes];
    /// Large attributes come back, or are refused as invalid input and leave the old ones.
    large_attributes_come_back_or_are_refused [Write, Attributes, Arrays];
}

/// An object as attributes.
fn attributes(value: serde_json::Value) -> Attributes {
    value.as_object().cloned().unwrap_or_default()
}

async fn there_are_none_at_first(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("f", "x").await?;
    place.make_dir("d").await?;
    for path in ["f", "d"] {
        ensure_eq!(place.attributes(path).await?, Attributes::new(), "the attributes of '{path}'");
    }
    Ok(())
}

async fn come_back(place: &Place, path: &str, written: serde_json::Value) -> Checked {
    let written = attributes(written);
    place.put_attributes(path, &written).await?;
    ensure_eq!(place.attributes(path).await?, written, "the attributes of '{path}'");
    Ok(())
}

/// Every kind of entry that the place can hold, one of each.
async fn one_of_each(place: &Place) -> Result<Vec<&'static str>> {
    place.put_file("f", "x").await?;
    place.make_dir("d").await?;
    let mut paths = vec!["f", "d"];
    if place.capabilities().has(Capability::Arrays) {
        place.put_array("a", &[3], samples::counting(0, 3)).await?;
        paths.push("a");
    }
    if place.capabilities().has(Capability::Tables) {
        place.put_table("t", &samples::people(0, 3)?).await?;
        paths.push("t");
    }
    Ok(paths)
}

async fn any_json_value_comes_back(subject: Subject) -> Checked {
    let place = subject.open().await?;
    for path in one_of_each(&place).await? {
        let written = json!({
            "null": null, "true": true, "false": false, "zero": 0, "text": "ü\n\"x\"", "empty text": "", "no list": [],
            "no object": {}, "numbers": [1, 2, 3], "floats": [1.5, -2.5], "texts": ["a", "", "日本"],
            "mixed": [1, "a", null, [true], {"x": 1.5}], "nested": {"a": {"b": [1, {"c": null}]}},
            "nested lists": [[1, 2], [3, 4]], "truths": [true, false],
        });
        come_back(&place, path, written).await?;
    }
    Ok(())
}

async fn numbers_keep_their_kind(subject: Subject) -> Checked {
    let place = subject.open().await?;
    for path in one_of_each(&place).await? {
        let written = json!({
            "one": 1, "one as float": 1.0, "least": i64::MIN, "greatest": i64::MAX, "greatest unsigned": u64::MAX,
            "tenth": 0.1, "tiny": 5e-324, "huge": 1.7976931348623157e308, "minus zero": -0.0, "beyond float": 9007199254740993i64,
            "ints": [1, -1], "floats": [1.0, 2.0], "both": [1, 1.0], "unsigned": [u64::MAX, 0],
        });
        come_back(&place, path, written).await?;
    }
    Ok(())
}

async fn names_can_be_anything(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let long = "n".repeat(200);
    for path in one_of_each(&place).await? {
        let written = json!({
            "ü": 1, "a b": 2, "a/b": 3, "a.b": 4, "_x": 5, ".": 6, "CLASS": 7, "x": 8, "X": 9, "日本": 10, long.as_str(): 11,
            "units": "mV", "description": "membrane potential", "a:b": 12, "\"": 13,
        });
        come_back(&place, path, written).await?;
    }
    Ok(())
}

async fn writing_replaces_all_of_them(subject: Subject) -> Checked {
    let place = subject.open().await?;
    for path in one_of_each(&place).await? {
        come_back(&place, path, json!({"a": 1, "b": "two"})).await?;
        come_back(&place, path, json!({"b": [2], "c": 3.5})).await?;
        come_back(&place, path, json!({})).await?;
    }
    Ok(())
}

async fn a_directory_has_them(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir_with("d", "config: 1\n").await?;
    place.put_file("d/x", "content").await?;
    come_back(&place, "d", json!({"a": 1})).await?;
    ensure_eq!(place.meta("d").await?, "config: 1\n".as_bytes(), "the meta");
    ensure_eq!(place.names("d").await?, ["x"], "the entries of the directory");
    ensure_eq!(place.names("").await?, ["d"], "the entries of the root");
    ensure_eq!(place.attributes("d/x").await?, Attributes::new(), "the attributes of the entry in it");
    Ok(())
}

async fn a_file_has_them(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("x", "content").await?;
    come_back(&place, "x", json!({"a": 1})).await?;
    ensure_eq!(place.file("x").await?, "content".as_bytes(), "the bytes");
    ensure_eq!(place.names("").await?, ["x"], "the listing");
    Ok(())
}

async fn an_array_has_them(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_array("x", &[2, 2], samples::counting(0, 4)).await?;
    come_back(&place, "x", json!({"units": "mV"})).await?;
    ensure_eq!(place.array("x").await?, (shape(&[2, 2])?, Bits(samples::counting(0, 4))), "the array");
    ensure_eq!(place.names("").await?, ["x"], "the listing");
    Ok(())
}

async fn a_table_has_them(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &samples::people(0, 5)?).await?;
    come_back(&place, "t", json!({"source": "census"})).await?;
    ensure_eq!(place.table("t").await?, samples::people(0, 5)?, "the rows");
    ensure_eq!(place.names("").await?, ["t"], "the listing");
    Ok(())
}

async fn a_file_is_created_with_them(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let given = attributes(json!({"a": 1, "b": [1, 2]}));
    let options = FileOptions { attributes: given.clone() };
    place.files().create(&at("x")?, &options, WriteMode::Create).await?.finish().await?;
    ensure_eq!(place.attributes("x").await?, given, "the attributes");
    Ok(())
}

async fn an_array_is_created_with_them(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let options =
        ArrayOptions::default().with_attribute("units", "mV").with_attribute("dims", json!(["t", "x"]));
    place.put_array_with("x", &[2], samples::counting(0, 2), &options, WriteMode::Create).await?;
    ensure_eq!(place.attributes("x").await?, options.attributes, "the attributes");
    Ok(())
}

async fn a_table_is_created_with_them(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let options = TableOptions::default().with_attribute("source", "census").with_attribute("year", 2020);
    let schema = samples::people(0, 0)?.schema();
    place.table_store()?.create(&at("t")?, schema, &options, WriteMode::Create).await?.finish().await?;
    ensure_eq!(place.attributes("t").await?, options.attributes, "the attributes");
    Ok(())
}

async fn entries_have_their_own(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir("d").await?;
    let paths = ["x", "xx", "x.txt", "d", "d/x"];
    for (number, path) in paths.into_iter().enumerate() {
        if path != "d" {
            place.put_file(path, path).await?;
        }
        place.put_attributes(path, &attributes(json!({"number": number}))).await?;
    }
    for (number, path) in paths.into_iter().enumerate() {
        let expected = attributes(json!({"number": number}));
        ensure_eq!(place.attributes(path).await?, expected, "the attributes of '{path}'");
    }
    Ok(())
}

async fn an_overwritten_entry_begins_without(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("x", "old").await?;
    for mode in [WriteMode::Overwrite, WriteMode::Replace] {
        place.put_attributes("x", &attributes(json!({"of": "old"}))).await?;
        place.put_file_as("x", "new", mode).await?;
        ensure_eq!(place.attributes("x").await?, Attributes::new(), "the attributes after {mode:?}");
    }
    Ok(())
}

async fn an_overwritten_array_begins_without(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_array("x", &[1], samples::counting(0, 1)).await?;
    place.put_attributes("x", &attributes(json!({"of": "old"}))).await?;
    place.put_array("x", &[2], samples::counting(0, 2)).await?;
    ensure_eq!(place.attributes("x").await?, Attributes::new(), "the attributes");
    Ok(())
}

async fn an_overwritten_table_begins_without(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &samples::people(0, 1)?).await?;
    place.put_attributes("t", &attributes(json!({"of": "old"}))).await?;
    place.put_table("t", &samples::people(0, 2)?).await?;
    ensure_eq!(place.attributes("t").await?, Attributes::new(), "the attributes");
    Ok(())
}

async fn a_removed_entry_takes_them_along(subject: Subject) -> Checked {
    let place = subject.open().await?;
    for path in one_of_each(&place).await? {
        place.put_attributes(path, &attributes(json!({"of": "old"}))).await?;
        place.remove(&at(path)?).await?;
    }
    for path in one_of_each(&place).await? {
        ensure_eq!(place.attributes(path).await?, Attributes::new(), "the attributes of '{path}'");
    }
    Ok(())
}

async fn appending_to_an_array_keeps_them(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_array("x", &[1], samples::counting(0, 1)).await?;
    place.put_attributes("x", &attributes(json!({"units": "mV"}))).await?;
    place.append_rows("x", 2, samples::counting(1, 2)).await?;
    ensure_eq!(place.attributes("x").await?, attributes(json!({"units": "mV"})), "the attributes");
    Ok(())
}

async fn appending_to_a_table_keeps_them(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &samples::people(0, 1)?).await?;
    place.put_attributes("t", &attributes(json!({"source": "census"}))).await?;
    place.append_table("t", &samples::people(1, 2)?).await?;
    ensure_eq!(place.attributes("t").await?, attributes(json!({"source": "census"})), "the attributes");
    place.put_attributes("t", &attributes(json!({"source": "survey"}))).await?;
    ensure_eq!(place.table("t").await?, samples::people(0, 3)?, "the rows");
    Ok(())
}

async fn appending_to_a_file_keeps_them(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("x", "one").await?;
    place.put_attributes("x", &attributes(json!({"a": 1}))).await?;
    place.append_file("x", "two").await?;
    ensure_eq!(place.attributes("x").await?, attributes(json!({"a": 1})), "the attributes");
    Ok(())
}

async fn a_missing_entry_has_none(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir("d").await?;
    let before = place.everything().await?;
    for missing in ["x", "d/x", "no/x"] {
        refused(place.attributes(missing).await, ErrorKind::NotFound)?;
        refused(place.put_attributes(missing, &attributes(json!({"a": 1}))).await, ErrorKind::NotFound)?;
    }
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}

async fn the_root_cannot_be_given_any(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let before = place.everything().await?;
    refused(place.put_attributes("", &attributes(json!({"a": 1}))).await, ErrorKind::InvalidInput)?;
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}

async fn large_attributes_come_back_or_are_refused(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_array("x", &[3], samples::counting(0, 3)).await?;
    let small = attributes(json!({"a": 1}));
    let large =
        attributes(json!({"text": "ü".repeat(100_000), "numbers": (0..20_000).collect::<Vec<u32>>()}));
    place.put_attributes("x", &small).await?;
    let expected = match place.put_attributes("x", &large).await {
        Ok(()) => large,
        Err(error) => {
            refused::<()>(Err(error), ErrorKind::InvalidInput)?;
            small
        }
    };
    ensure!(place.attributes("x").await? == expected, "the attributes are neither whole nor the old ones");
    ensure_eq!(place.array("x").await?.1, Bits(samples::counting(0, 3)), "the elements");
    Ok(())
}
