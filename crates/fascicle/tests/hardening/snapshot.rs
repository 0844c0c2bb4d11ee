//! What a directory holds, as text to compare.

use fascicle::{ArrayData, Directory, EntryKind, Result};
use futures::future::{BoxFuture, FutureExt};

/// Everything in a directory, with the metas; automatic names and nonces left out.
pub(crate) fn snapshot(directory: &Directory) -> BoxFuture<'_, Result<String>> {
    async move {
        let mut text = String::new();
        if let Some(meta) = directory.meta().await? {
            text += &format!("{} modified={} {:?}; ", meta.status, meta.modified, meta.config.fields());
        }
        for entry in directory.entries().await? {
            let name = &entry.name;
            let content = match entry.kind {
                EntryKind::Array => {
                    let array = directory.array(name).await?;
                    let data: ArrayData = array.read().await?;
                    format!("{:?} {:?}", data, array.attributes().await?)
                }
                EntryKind::Table => format!("{:?}", directory.table(name).await?.read().await?),
                EntryKind::File => format!("{:?}", directory.file(name).await?.read().await?),
                EntryKind::Directory => format!("{{ {} }}", snapshot(&directory.dir(name)?).await?),
            };
            text += &format!("{name}: {content}; ");
        }
        Ok(text)
    }
    .boxed()
}
