//! The text of a query: parsed, bounded, and refused unless it only reads.

use crate::catalog::{CONFIGS, OWN_CONFIGS};
use crate::error::{OPERATION, from_engine};
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Select, Statement as PlainStatement, TableFactor, TableWithJoins, VisitMut, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use fascicle_core::{Error, ErrorKind, Result};
use std::collections::HashSet;
use std::ops::ControlFlow;

/// The longest query.
const MAX_BYTES: usize = 1 << 20;

/// The most words and signs, literals and commas apart: how deep a plan can be, as each of them may add a level. A list of
/// any number of literals is one level.
const MAX_TOKENS: usize = 2000;

/// How deep parentheses and the like may be nested.
const MAX_NESTING: usize = 50;

/// With what the columns of configs begin.
const CONFIG: &str = "config";

/// Parses one query. In it `config.a.b` of the table of configs has become the name of one column.
///
/// Errors: [`ErrorKind::InvalidInput`] for what is not one statement of SQL, [`ErrorKind::LimitExceeded`] for one that is too
/// long, [`ErrorKind::Unsupported`] for one that does not only read.
pub(crate) fn parse(sql: &str) -> Result<Statement> {
    check_size(sql)?;
    let parser = DFParserBuilder::new(sql)
        .with_dialect(&GenericDialect {})
        .with_recursion_limit(MAX_NESTING)
        .build()
        .and_then(|mut parser| parser.parse_statements());
    let mut statements = parser.map_err(from_engine)?;
    let statement = statements.pop_front();
    let (Some(mut statement), true) = (statement, statements.is_empty()) else {
        return Err(Error::new(ErrorKind::InvalidInput, "it must be exactly one query").during(OPERATION));
    };
    check_reads(&statement)?;
    if let Some(plain) = plain_statement(&mut statement) {
        let mut tables = Tables::default();
        if let ControlFlow::Break(name) = VisitMut::visit(plain, &mut tables) {
            return Err(Error::new(ErrorKind::InvalidInput, format!("two tables are called '{name}'"))
                .during(OPERATION)
                .hint("give each a name of its own: a.cells as c"));
        }
        // A table of that name has columns of its own.
        if !tables.of_configs.is_empty() && !tables.names.contains(CONFIG) {
            let _ = VisitMut::visit(plain, &mut ConfigColumns { qualifiers: tables.of_configs });
        }
    }
    Ok(statement)
}

fn check_size(sql: &str) -> Result<()> {
    let refuse = |message: String| {
        Err(Error::new(ErrorKind::LimitExceeded, message)
            .during(OPERATION)
            .hint("compare with a list of values, x in (…), or join with a table of them"))
    };
    if sql.len() > MAX_BYTES {
        return refuse(format!("it is longer than {MAX_BYTES} bytes"));
    }
    let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize().map_err(|error| {
        Error::new(ErrorKind::InvalidInput, "it is no query in SQL").during(OPERATION).caused_by(error)
    })?;
    let counts = |token: &&Token| {
        !matches!(
            token,
            Token::Whitespace(_) | Token::Comma | Token::Number(..) | Token::SingleQuotedString(_)
        )
    };
    match tokens.iter().filter(counts).count() {
        count if count > MAX_TOKENS => refuse(format!("it has more than {MAX_TOKENS} words and signs")),
        _ => Ok(()),
    }
}

fn check_reads(statement: &Statement) -> Result<()> {
    let reads = match statement {
        Statement::Statement(plain) => {
            matches!(**plain, PlainStatement::Query(_) | PlainStatement::ExplainTable { .. })
        }
        Statement::Explain(explained) => return check_reads(&explained.statement),
        _ => false,
    };
    if reads {
        return Ok(());
    }
    let text = statement.to_string();
    let word = text.split_whitespace().next().unwrap_or_default().to_uppercase();
    let error = Error::new(ErrorKind::Unsupported, format!("only queries are answered, and this is {word}"));
    Err(error.during(OPERATION).hint(match word.as_str() {
        "SHOW" => "the entries of a directory are what `fascicle ls` lists; `describe TABLE` shows columns",
        _ => "begin with SELECT, WITH, VALUES, EXPLAIN or DESCRIBE; what is stored changes by other calls",
    }))
}

/// The statement within explanations.
fn plain_statement(statement: &mut Statement) -> Option<&mut PlainStatement> {
    match statement {
        Statement::Statement(plain) => Some(plain),
        Statement::Explain(explained) => plain_statement(&mut explained.statement),
        _ => None,
    }
}

/// How a query calls its tables.
#[derive(Default)]
struct Tables {
    names: HashSet<String>,
    /// Those of configs.
    of_configs: HashSet<String>,
}

impl VisitorMut for Tables {
    /// The name that two tables of one list have.
    type Break = String;

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<String> {
        let mut names = HashSet::new();
        let mut unseen: Vec<&TableWithJoins> = select.from.iter().collect();
        while let Some(joined) = unseen.pop() {
            for table in
                std::iter::once(&joined.relation).chain(joined.joins.iter().map(|join| &join.relation))
            {
                if let TableFactor::NestedJoin { table_with_joins, alias: None } = table {
                    unseen.push(table_with_joins);
                }
                // The engine would take the columns of either for those of the other.
                if let Some(name) = known_as(table).filter(|name| !names.insert(*name)) {
                    return ControlFlow::Break(name.to_owned());
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, table: &mut TableFactor) -> ControlFlow<String> {
        let is_of_configs = last_name(table)
            .and_then(|name| name.rsplit('/').next())
            .is_some_and(|name| name == CONFIGS || name == OWN_CONFIGS);
        if let Some(known_as) = known_as(table) {
            if is_of_configs {
                self.of_configs.insert(known_as.to_owned());
            }
            self.names.insert(known_as.to_owned());
        }
        ControlFlow::Continue(())
    }
}

/// The name of a table without those of its directories.
fn last_name(table: &TableFactor) -> Option<&str> {
    match table {
        TableFactor::Table { name, .. } => Some(&name.0.last()?.as_ident()?.value),
        _ => None,
    }
}

/// The name by which columns of a table are qualified.
fn known_as(table: &TableFactor) -> Option<&str> {
    match table {
        TableFactor::Table { alias: Some(alias), .. } | TableFactor::Derived { alias: Some(alias), .. } => {
            Some(&alias.name.value)
        }
        table => last_name(table),
    }
}

/// Makes `config.a.b`, and `t.config.a.b` for a table `t` of configs, the name of one column.
struct ConfigColumns {
    qualifiers: HashSet<String>,
}

impl VisitorMut for ConfigColumns {
    type Break = ();

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        let Expr::CompoundIdentifier(parts) = &*expression else { return ControlFlow::Continue(()) };
        let is_config = |part: Option<&Ident>| part.is_some_and(|part| part.value == CONFIG);
        let is_qualified = parts.first().is_some_and(|first| self.qualifiers.contains(&first.value))
            && is_config(parts.get(1));
        let (qualifier, column) = match is_qualified {
            true => parts.split_at(1),
            false if is_config(parts.first()) => parts.split_at(0),
            false => return ControlFlow::Continue(()),
        };
        if column.len() > 1 {
            let name = column.iter().map(|part| part.value.as_str()).collect::<Vec<_>>().join(".");
            let column = Ident::with_quote('"', name);
            *expression = match qualifier.first() {
                Some(table) => Expr::CompoundIdentifier(vec![table.clone(), column]),
                None => Expr::Identifier(column),
            };
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(sql: &str) -> String {
        parse(sql).unwrap().to_string()
    }

    #[test]
    fn dotted_columns_of_configs_need_no_quotes() {
        for (given, expected) in [
            (
                "select config.seed from configs where config.net.units > 3",
                r#"SELECT "config.seed" FROM configs WHERE "config.net.units" > 3"#,
            ),
            ("select c.config.seed from _configs as c", r#"SELECT c."config.seed" FROM _configs AS c"#),
            ("select configs.config.a from configs", r#"SELECT configs."config.a" FROM configs"#),
            ("explain select config.a from configs", r#"EXPLAIN SELECT "config.a" FROM configs"#),
            // Nothing here is a column of configs.
            ("select config.seed from config, configs", "SELECT config.seed FROM config, configs"),
            ("select t.config.seed from t, configs", "SELECT t.config.seed FROM t, configs"),
            ("select config.seed from t", "SELECT config.seed FROM t"),
        ] {
            assert_eq!(rewritten(given), expected);
        }
    }

    #[test]
    fn only_one_statement_that_reads_is_taken() {
        for (sql, kind) in [
            ("", ErrorKind::InvalidInput),
            ("select 1; select 2", ErrorKind::InvalidInput),
            ("selec 1", ErrorKind::InvalidInput),
            ("select 'open", ErrorKind::InvalidInput),
            ("drop table cells", ErrorKind::Unsupported),
            ("create table x as select 1", ErrorKind::Unsupported),
            ("create external table x stored as csv location '/etc/passwd'", ErrorKind::Unsupported),
            ("copy (select 1) to '/tmp/x.csv'", ErrorKind::Unsupported),
            ("explain copy (select 1) to '/tmp/x.csv'", ErrorKind::Unsupported),
            ("insert into cells values (1)", ErrorKind::Unsupported),
            ("delete from cells", ErrorKind::Unsupported),
            ("update cells set x = 1", ErrorKind::Unsupported),
            ("set datafusion.execution.batch_size = 1", ErrorKind::Unsupported),
            ("show tables", ErrorKind::Unsupported),
        ] {
            let error = parse(sql).unwrap_err();
            assert_eq!(error.kind(), kind, "{sql}: {error}");
        }
        for sql in ["select 1;", "with a as (select 1) select * from a", "values (1)", "describe cells"] {
            assert!(parse(sql).is_ok(), "{sql}");
        }
    }

    #[test]
    fn too_much_is_refused_before_it_is_parsed() {
        let numbers = (0..50_000).map(|number| number.to_string()).collect::<Vec<_>>().join(",");
        assert!(parse(&format!("select x in ({numbers}) from t")).is_ok());
        let chain = vec!["x = 1"; 2_000].join(" or ");
        let deep = format!("select {}1{}", "(".repeat(500), ")".repeat(500));
        let long = format!("select '{}'", "x".repeat(MAX_BYTES));
        for sql in [format!("select {chain}"), long] {
            assert_eq!(parse(&sql).unwrap_err().kind(), ErrorKind::LimitExceeded);
        }
        assert_eq!(parse(&deep).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}
