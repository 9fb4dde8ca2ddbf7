/**
 * The stored models: read, deleted, pinned. Each rule is that of `modelden/hub/store/deletion.py` and `usage.py`.
 *
 * A change holds the lock `rows` and is one transaction, so that no page with Python sees a part of it.
 */
import { type StoreName, type Transaction, transact } from "./database";
import { announce, downloadLock, holdRows, recordInventory, tryHold } from "./origin";
import {
  covers,
  type EngineRow,
  type FileRow,
  type HeaderRow,
  isSame,
  type MissingRow,
  type PartialRow,
  type PinRow,
  type Revision,
  type Rows,
  type StoredModel,
  storedModels,
  storedSize,
  type TaskRow,
} from "./rows";

const READ = ["headers", "engines", "tasks", "files", "partials", "pins"] as const;
const FILE_STORES = ["tasks", "headers", "engines", "files"] as const;

export interface Contents {
  readonly models: readonly StoredModel[];
  readonly size: number;
}

/** All models, as they are at one moment. */
export async function readModels(): Promise<Contents> {
  const rows = await transact("readonly", READ, readRows);
  return rows ? { models: storedModels(rows), size: storedSize(rows) } : { models: [], size: 0 };
}

/** Deletes all files of a revision, and its beginnings of files that no tab downloads. Engines that run go on. */
export async function deleteModel(key: Revision): Promise<void> {
  await holdRows(() =>
    transact("readwrite", [...FILE_STORES, "chunks", "missing", "pins"], (transaction) =>
      deleteFiles(transaction, key),
    ),
  );
  await deletePartials(key);
  recordInventory((await readModels()).models);
  announce();
}

/** Deletes the beginnings of files of a revision that no tab downloads. */
export async function deletePartials(key: Revision): Promise<void> {
  const rows =
    (await transact("readonly", ["partials"], (transaction) => transaction.all<PartialRow>("partials"))) ?? [];
  for (const row of rows.filter((each) => isSame(each, key))) {
    await tryHold(downloadLock(row), () =>
      transact("readwrite", ["partials", "chunks"], async (transaction) => {
        const now = (await transaction.all<PartialRow>("partials")).find(({ id }) => id === row.id);
        if (!now) return; // its download was completed
        transaction.delete("partials", now);
        transaction.deleteChunks(now.content);
      }),
    );
  }
  announce();
}

/** Exempts a revision from eviction, or undoes that. */
export async function pinModel(key: Revision, pinned: boolean): Promise<void> {
  const { model, revision, root } = key;
  await holdRows(() =>
    transact("readwrite", ["pins"], async (transaction) => {
      if (pinned) transaction.put("pins", { model, revision, root });
      else
        for (const pin of await transaction.all<PinRow>("pins")) if (covers(pin, key)) transaction.delete("pins", pin);
    }),
  );
  announce();
}

async function readRows(transaction: Transaction): Promise<Rows> {
  const [headers, engines, tasks, files, partials, pins] = await Promise.all([
    transaction.all<HeaderRow>("headers"),
    transaction.all<EngineRow>("engines"),
    transaction.all<TaskRow>("tasks"),
    transaction.all<FileRow>("files"),
    transaction.all<PartialRow>("partials"),
    transaction.all<PinRow>("pins"),
  ]);
  return { headers, engines, tasks, files, partials, pins };
}

async function deleteFiles(transaction: Transaction, key: Revision): Promise<void> {
  const read = <T extends Revision>(store: StoreName) =>
    transaction.all<T>(store, "modelRevisionIndex", [key.model, key.revision]);
  const [files, pins, missing, ...others] = await Promise.all([
    read<FileRow>("files"),
    read<PinRow>("pins"),
    read<MissingRow & Revision>("missing"),
    ...FILE_STORES.map((store) => read(store)),
  ]);
  for (const [number, store] of FILE_STORES.entries()) {
    for (const row of others[number] ?? []) if (isSame(row, key)) transaction.delete(store, row);
  }
  for (const row of missing) if (isSame(row, key)) transaction.delete("missing", row);
  const remaining = (others[0] ?? []).filter((row) => !isSame(row, key));
  for (const pin of pins)
    if (covers(pin, key) && !remaining.some((row) => covers(pin, row))) transaction.delete("pins", pin);
  await deleteContents(
    transaction,
    files.filter((row) => isSame(row, key)),
  );
}

/** Deletes the bytes that no other file shares. */
async function deleteContents(transaction: Transaction, files: readonly FileRow[]): Promise<void> {
  const ids = new Set(files.map(({ id }) => id));
  for (const content of new Set(files.map((row) => row.content))) {
    const users = await transaction.all<FileRow>("files", "contentIndex", content);
    if (users.every(({ id }) => ids.has(id))) transaction.deleteChunks(content);
  }
}
