//! The calls of the contract, as values.

/// One call of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// [`Backend::list`](crate::Backend::list)
    List,
    /// [`Backend::stat`](crate::Backend::stat)
    Stat,
    /// [`Backend::create_directory`](crate::Backend::create_directory)
    CreateDirectory,
    /// [`Backend::remove`](crate::Backend::remove)
    Remove,
    /// [`Backend::rename`](crate::Backend::rename)
    Rename,
    /// [`Backend::copy`](crate::Backend::copy)
    Copy,
    /// [`Backend::read_meta`](crate::Backend::read_meta)
    ReadMeta,
    /// [`Backend::meta_stamps`](crate::Backend::meta_stamps)
    MetaStamps,
    /// [`Backend::write_meta`](crate::Backend::write_meta)
    WriteMeta,
    /// [`Backend::read_attributes`](crate::Backend::read_attributes)
    ReadAttributes,
    /// [`Backend::write_attributes`](crate::Backend::write_attributes)
    WriteAttributes,
    /// [`FileStore::create`](crate::FileStore::create)
    CreateFile,
    /// [`FileWriter::write`](crate::FileWriter::write)
    WriteFile,
    /// [`FileWriter::finish`](crate::FileWriter::finish)
    FinishFile,
    /// [`FileStore::read`](crate::FileStore::read)
    ReadFile,
    /// [`FileStore::append`](crate::FileStore::append)
    AppendFile,
    /// [`RecordStore::create`](crate::RecordStore::create)
    CreateRecord,
    /// [`RecordStore::read`](crate::RecordStore::read)
    ReadRecord,
    /// [`RecordStore::overwrite`](crate::RecordStore::overwrite)
    OverwriteRecord,
    /// [`RecordStore::remove`](crate::RecordStore::remove)
    RemoveRecord,
    /// [`RecordStore::list`](crate::RecordStore::list)
    ListRecords,
    /// [`ArrayStore::create`](crate::ArrayStore::create)
    CreateArray,
    /// [`ArrayWriter::write`](crate::ArrayWriter::write)
    FillArray,
    /// [`ArrayWriter::finish`](crate::ArrayWriter::finish)
    FinishArray,
    /// [`ArrayStore::describe`](crate::ArrayStore::describe)
    DescribeArray,
    /// [`ArrayStore::read`](crate::ArrayStore::read)
    ReadArray,
    /// [`ArrayStore::write`](crate::ArrayStore::write)
    WriteArray,
    /// [`ArrayStore::append`](crate::ArrayStore::append)
    AppendArray,
    /// [`TableStore::create`](crate::TableStore::create)
    CreateTable,
    /// [`TableStore::append`](crate::TableStore::append) and [`append_with`](crate::TableStore::append_with)
    AppendTable,
    /// [`TableStore::compact`](crate::TableStore::compact)
    CompactTable,
    /// [`TableWriter::write`](crate::TableWriter::write)
    WriteTable,
    /// [`TableWriter::finish`](crate::TableWriter::finish)
    FinishTable,
    /// [`TableStore::describe`](crate::TableStore::describe)
    DescribeTable,
    /// [`TableStore::scan`](crate::TableStore::scan)
    ScanTable,
    /// [`Maintenance::leftovers`](crate::Maintenance::leftovers)
    ListLeftovers,
    /// [`Maintenance::collect`](crate::Maintenance::collect)
    CollectLeftover,
    /// [`Maintenance::flaws`](crate::Maintenance::flaws)
    FindFlaws,
    /// [`Maintenance::mend`](crate::Maintenance::mend)
    Mend,
    /// [`Maintenance::remove_directory_if`](crate::Maintenance::remove_directory_if)
    RemoveDirectoryIf,
}

impl Operation {
    /// The verb phrase that follows "cannot" in an error.
    pub fn phrase(self) -> &'static str {
        match self {
            Operation::List | Operation::MetaStamps => "list",
            Operation::Stat => "look at",
            Operation::CreateDirectory => "create directory",
            Operation::Remove => "remove",
            Operation::Rename => "move",
            Operation::Copy => "copy",
            Operation::ReadMeta => "read the meta of",
            Operation::WriteMeta => "write the meta of",
            Operation::ReadAttributes => "read the attributes of",
            Operation::WriteAttributes => "write the attributes of",
            Operation::CreateFile | Operation::WriteFile | Operation::FinishFile => "write file",
            Operation::ReadFile => "read file",
            Operation::AppendFile => "append to file",
            Operation::CreateRecord => "create record",
            Operation::ReadRecord => "read record",
            Operation::OverwriteRecord => "write record",
            Operation::RemoveRecord => "remove record",
            Operation::ListRecords => "list records",
            Operation::CreateArray | Operation::FillArray | Operation::FinishArray => "write array",
            Operation::DescribeArray => "open array",
            Operation::ReadArray => "read array",
            Operation::WriteArray => "write into array",
            Operation::AppendArray => "append to array",
            Operation::CreateTable | Operation::WriteTable | Operation::FinishTable => "write table",
            Operation::AppendTable => "append to table",
            Operation::CompactTable => "compact table",
            Operation::DescribeTable => "open table",
            Operation::ScanTable => "read table",
            Operation::ListLeftovers => "look for leftovers in",
            Operation::CollectLeftover => "delete leftover",
            Operation::FindFlaws => "look for flaws of",
            Operation::Mend => "mend",
            Operation::RemoveDirectoryIf => "remove directory",
        }
    }

    /// Whether the call changes what is stored.
    pub fn is_write(self) -> bool {
        !matches!(
            self,
            Operation::List
                | Operation::Stat
                | Operation::ReadMeta
                | Operation::MetaStamps
                | Operation::ReadAttributes
                | Operation::ReadFile
                | Operation::ReadRecord
                | Operation::ListRecords
                | Operation::DescribeArray
                | Operation::ReadArray
                | Operation::DescribeTable
                | Operation::ScanTable
                | Operation::ListLeftovers
                | Operation::FindFlaws
        )
    }
}
