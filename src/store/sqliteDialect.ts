import type { DatabaseSync } from "node:sqlite";
import { type SqliteDatabase, type SqliteStatement, SqliteDialect } from "kysely";

/** Kysely speaks to SQLite through the shape of another driver; this is Node's own in that shape. */
export function nodeSqliteDialect(database: DatabaseSync): SqliteDialect {
  const statements = new Map<string, SqliteStatement>();
  const rollback = () => {
    try {
      database.exec("rollback");
    } catch (error) {
      // SQLite has done it itself, as on a full disk; it is why that shall be told.
      if (!/no transaction is active/.test(String(error))) throw error;
    }
    return { changes: 0, lastInsertRowid: 0 };
  };
  const shaped: SqliteDatabase = {
    close: () => database.close(),
    prepare(text) {
      // Preparing costs more than running: the texts are few and fixed.
      let statement = statements.get(text);
      if (statement === undefined) {
        const prepared = database.prepare(text);
        statement = {
          reader: prepared.columns().length > 0,
          all: (parameters) => prepared.all(...(parameters as SqlValue[])),
          run: text === "rollback" ? rollback : (parameters) => prepared.run(...(parameters as SqlValue[])),
          iterate: (parameters) => prepared.iterate(...(parameters as SqlValue[])),
        };
        statements.set(text, statement);
      }
      return statement;
    },
  };
  return new SqliteDialect({ database: shaped });
}

type SqlValue = string | number | bigint | null | Uint8Array;
