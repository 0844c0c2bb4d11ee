//! Tests of predicates.

use super::*;
use arrow_array::{
    BinaryArray, Date32Array, Decimal128Array, DictionaryArray, DurationSecondArray, FixedSizeBinaryArray,
    Float16Array, Float32Array, Float64Array, Int8Array, Int32Array, Int64Array, ListArray, NullArray,
    StringArray, StringViewArray, Time32SecondArray, TimestampMillisecondArray, TimestampSecondArray,
    UInt64Array, types::Int32Type,
};
use arrow_schema::Field;
use fascicle_backend::Literal;
use std::sync::Arc;

fn select(column: impl Array + 'static, predicate: Predicate) -> Result<Vec<usize>> {
    let column: ArrayRef = Arc::new(column);
    let schema = Arc::new(Schema::new(vec![Field::new("x", column.data_type().clone(), true)]));
    let filter = Filter::new(&schema, &predicate)?;
    let batch = RecordBatch::try_new(schema, vec![column]).unwrap();
    let selected = filter.evaluate(&batch)?;
    assert_eq!(selected.null_count(), 0);
    Ok(selected.iter().enumerate().filter(|(_, is)| *is == Some(true)).map(|(row, _)| row).collect())
}

fn x(comparison: Comparison, literal: impl Into<Literal>) -> Predicate {
    Predicate::compare("x", comparison, literal)
}

use Comparison::{Eq, Ge, Gt, Le, Lt, Ne};

#[test]
fn comparisons_hold_as_their_signs_say() {
    let column = || Int64Array::from(vec![1, 2, 3]);
    for (comparison, rows) in
        [(Eq, vec![1]), (Ne, vec![0, 2]), (Lt, vec![0]), (Le, vec![0, 1]), (Gt, vec![2]), (Ge, vec![1, 2])]
    {
        assert_eq!(select(column(), x(comparison, 2)).unwrap(), rows, "{comparison:?}");
    }
}

#[test]
fn nulls_are_neither_equal_nor_different() {
    let column = || Int64Array::from(vec![Some(1), None, Some(3)]);
    assert_eq!(select(column(), x(Eq, 1)).unwrap(), [0]);
    assert_eq!(select(column(), !x(Eq, 1)).unwrap(), [2]);
    assert_eq!(select(column(), x(Ne, 1)).unwrap(), [2]);
    assert_eq!(select(column(), Predicate::IsNull("x".into())).unwrap(), [1]);
    assert_eq!(select(column(), !Predicate::IsNull("x".into())).unwrap(), [0, 2]);
    // Unknown or true is true, unknown and false is false: its negation selects the row.
    assert_eq!(select(column(), x(Eq, 1).or(Predicate::IsNull("x".into()))).unwrap(), [0, 1]);
    assert_eq!(select(column(), !x(Eq, 1).and(!Predicate::IsNull("x".into()))).unwrap(), [1, 2]);
    assert_eq!(select(column(), x(Eq, 1).or(!x(Eq, 1))).unwrap(), [0, 2]);
}

#[test]
fn a_column_of_nulls_is_never_equal() {
    assert_eq!(select(NullArray::new(2), x(Eq, 1)).unwrap(), [] as [usize; 0]);
    assert_eq!(select(NullArray::new(2), Predicate::IsNull("x".into())).unwrap(), [0, 1]);
}

#[test]
fn large_integers_keep_every_digit() {
    let near = i64::MAX - 1;
    assert_eq!(select(Int64Array::from(vec![near, i64::MAX]), x(Eq, i64::MAX)).unwrap(), [1]);
    assert_eq!(select(UInt64Array::from(vec![u64::MAX - 1, u64::MAX]), x(Ge, u64::MAX)).unwrap(), [1]);
    assert_eq!(select(Int64Array::from(vec![7]), x(Eq, 7.0)).unwrap(), [0]);
    assert_eq!(select(UInt64Array::from(vec![u64::MAX]), x(Eq, "18446744073709551615")).unwrap(), [0]);
}

#[test]
fn literals_that_do_not_fit_are_refused() {
    let refused = |column: ArrayRef, literal: Literal| {
        let error = select_array(column, literal.clone()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{literal:?}");
        assert!(error.message().contains("'x'"), "{error}");
    };
    refused(Arc::new(Int8Array::from(vec![1])), 128.into());
    refused(Arc::new(UInt64Array::from(vec![1])), (-1).into());
    refused(Arc::new(Int64Array::from(vec![1])), u64::MAX.into());
    refused(Arc::new(Int64Array::from(vec![1])), 1.5.into());
    refused(Arc::new(Int64Array::from(vec![1])), f64::NAN.into());
    refused(Arc::new(Int64Array::from(vec![1])), 1e300.into());
    refused(Arc::new(Int64Array::from(vec![1])), true.into());
    refused(Arc::new(Int64Array::from(vec![1])), "one".into());
    refused(Arc::new(Float32Array::from(vec![1.0])), 1e39.into());
    refused(Arc::new(Float16Array::from(vec![half::f16::ONE])), 70_000.into());
    refused(Arc::new(StringArray::from(vec!["1"])), 1.into());
    refused(Arc::new(BooleanArray::from(vec![true])), 1.into());
    refused(Arc::new(Date32Array::from(vec![1])), "2024-13-01".into());
    refused(Arc::new(Date32Array::from(vec![1])), "2024-05-01T12:00:00".into());
    refused(Arc::new(Date32Array::from(vec![1])), 19_000.into());
    refused(Arc::new(TimestampSecondArray::from(vec![1])), "1970-01-01T00:00:01.5".into());
    refused(Arc::new(Time32SecondArray::from(vec![1])), "00:00:01.5".into());
    refused(Arc::new(FixedSizeBinaryArray::try_from_iter([b"ab"].into_iter()).unwrap()), "abc".into());
    let decimals = Decimal128Array::from(vec![150]).with_precision_and_scale(5, 2).unwrap();
    refused(Arc::new(decimals.clone()), "1.505".into());
    refused(Arc::new(decimals), 100_000.into());
    let lists = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1)])]);
    refused(Arc::new(lists), 1.into());
}

fn select_array(column: ArrayRef, literal: Literal) -> Result<()> {
    let schema = Schema::new(vec![Field::new("x", column.data_type().clone(), true)]);
    Filter::new(&schema, &x(Eq, literal)).map(drop)
}

#[test]
fn floats_compare_as_ieee_754_says() {
    let column = || Float64Array::from(vec![-0.0, 1.0, f64::NAN, f64::INFINITY]);
    assert_eq!(select(column(), x(Eq, 0.0)).unwrap(), [0]);
    assert_eq!(select(column(), x(Gt, 0.5)).unwrap(), [1, 3]);
    assert_eq!(select(column(), x(Ne, 1.0)).unwrap(), [0, 2, 3]);
    assert_eq!(select(column(), x(Eq, f64::NAN)).unwrap(), [] as [usize; 0]);
    assert_eq!(select(column(), x(Ge, 1)).unwrap(), [1, 3]);
    assert_eq!(select(Float32Array::from(vec![0.1, 0.2]), x(Eq, 0.1)).unwrap(), [0]);
    assert_eq!(select(Float16Array::from(vec![half::f16::ONE]), x(Le, 1)).unwrap(), [0]);
}

#[test]
fn text_and_bytes_compare_by_their_bytes() {
    assert_eq!(select(StringArray::from(vec!["a", "b", "ü"]), x(Gt, "a")).unwrap(), [1, 2]);
    assert_eq!(select(StringViewArray::from(vec!["a", "b"]), x(Eq, "b")).unwrap(), [1]);
    assert_eq!(select(BinaryArray::from(vec![&b"a"[..], b"\xff"]), x(Gt, "a")).unwrap(), [1]);
    let fixed = FixedSizeBinaryArray::try_from_iter([b"ab", b"cd"].into_iter()).unwrap();
    assert_eq!(select(fixed, x(Eq, "cd")).unwrap(), [1]);
    let dictionary: DictionaryArray<Int32Type> =
        [Some("a"), None, Some("b"), Some("a")].into_iter().collect();
    assert_eq!(select(dictionary.clone(), x(Eq, "a")).unwrap(), [0, 3]);
    assert_eq!(select(dictionary, Predicate::IsNull("x".into())).unwrap(), [1]);
}

#[test]
fn times_are_parsed_from_text() {
    assert_eq!(select(Date32Array::from(vec![0, 1, 2]), x(Ge, "1970-01-02")).unwrap(), [1, 2]);
    let zoned = || TimestampMillisecondArray::from(vec![0, 3_600_000]).with_timezone("+01:00");
    assert_eq!(select(zoned(), x(Eq, "1970-01-01T01:00:00")).unwrap(), [0]);
    assert_eq!(select(zoned(), x(Eq, "1970-01-01T01:00:00Z")).unwrap(), [1]);
    assert_eq!(select(Time32SecondArray::from(vec![60, 61]), x(Gt, "00:01:00")).unwrap(), [1]);
    assert_eq!(select(DurationSecondArray::from(vec![60, 61]), x(Gt, 60)).unwrap(), [1]);
}

#[test]
fn decimals_go_by_their_digits() {
    let column = || Decimal128Array::from(vec![150, 15, -150]).with_precision_and_scale(5, 2).unwrap();
    assert_eq!(select(column(), x(Eq, 1.5)).unwrap(), [0]);
    assert_eq!(select(column(), x(Eq, "0.150")).unwrap(), [1]);
    assert_eq!(select(column(), x(Lt, 0)).unwrap(), [2]);
}

#[test]
fn booleans_and_narrow_integers() {
    assert_eq!(select(BooleanArray::from(vec![true, false]), x(Eq, true)).unwrap(), [0]);
    assert_eq!(select(BooleanArray::from(vec![true, false]), x(Eq, "False")).unwrap(), [1]);
    assert_eq!(select(Int32Array::from(vec![-1, 1]), x(Lt, 0)).unwrap(), [0]);
}
