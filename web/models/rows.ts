/**
 * The rows of the database `modelFiles`, and the models that they stand for: the same as `modelden/hub/store/records.py`.
 *
 * tests/unit/hub/store/test_schema.py compares these interfaces with the rows that Python writes.
 */

export interface Revision {
  readonly model: string;
  readonly revision: string;
  /** Root URL of the hub; empty where only its host name is known. */
  readonly root: string;
}

interface FileNames extends Revision {
  readonly file: string;
}

export interface HeaderRow extends FileNames {
  readonly headers: { readonly fileSize: number; readonly lastUpdated: number; readonly lastUsed: number };
}

export interface EngineRow extends FileNames {
  readonly engineIds: readonly string[];
}

export interface TaskRow extends FileNames {
  readonly taskName: string;
}

export interface FileRow extends FileNames {
  readonly id: string;
  readonly sha256: string;
  readonly integrity: string;
  readonly hub: string | null;
  readonly content: string;
  readonly chunks: number;
}

export interface PartialRow extends FileNames {
  readonly id: string;
  readonly content: string;
  readonly url: string;
  readonly validator: string | null;
  readonly total: number | null;
  readonly received: number;
  readonly chunks: number;
  readonly updatedAt: number;
}

/** The row of a missing collection has no names. */
export interface MissingRow extends Partial<Revision> {
  readonly id: string;
  readonly at: number;
}

export type PinRow = Revision;

export interface Rows {
  readonly headers: readonly HeaderRow[];
  readonly engines: readonly EngineRow[];
  readonly tasks: readonly TaskRow[];
  readonly files: readonly FileRow[];
  readonly partials: readonly PartialRow[];
  readonly pins: readonly PinRow[];
}

/** A complete file. Sizes are bytes, times are milliseconds since the epoch. */
export interface StoredFile {
  readonly path: string;
  readonly size: number;
  readonly integrity: string;
}

/** A revision of a model of which something is stored. */
export interface StoredModel extends Revision {
  readonly tasks: readonly string[];
  readonly engines: readonly string[];
  readonly files: readonly StoredFile[];
  readonly partials: readonly PartialRow[];
  /** All its bytes, those of interrupted downloads too. */
  readonly size: number;
  readonly partialSize: number;
  /** Bytes that its deletion frees: those that no other model shares. */
  readonly ownSize: number;
  readonly lastUsed: number;
  readonly pinned: boolean;
}

export function revisionKey({ model, revision, root }: Revision): string {
  return JSON.stringify([model, revision, root]);
}

function fileKey(row: FileNames): string {
  return JSON.stringify([row.model, row.revision, row.file, row.root]);
}

export function isSame(one: Partial<Revision>, other: Revision): boolean {
  return one.model === other.model && one.revision === other.revision && one.root === other.root;
}

/** A pin without a root is for all hubs with the model's host name. */
export function covers(pin: PinRow, key: Revision): boolean {
  return isSame(pin, key) || isSame(pin, { ...key, root: "" });
}

/** The models of these rows, in the order of their names. */
export function storedModels(rows: Rows): StoredModel[] {
  const keys = new Map<string, Revision>();
  for (const row of [...rows.headers, ...rows.partials]) keys.set(revisionKey(row), row);
  const contents = new Map(rows.files.map((row) => [fileKey(row), row]));
  const users = group(rows.files, (row) => row.content);
  const [headers, engines] = [group(rows.headers, revisionKey), group(rows.engines, revisionKey)];
  const [tasks, partials] = [group(rows.tasks, revisionKey), group(rows.partials, revisionKey)];
  const models = [...keys].map(([id, key]) =>
    storedModel(key, {
      files: (headers.get(id) ?? []).map((row) => ({ row, stored: contents.get(fileKey(row)) })),
      users,
      engines: engines.get(id) ?? [],
      tasks: tasks.get(id) ?? [],
      partials: partials.get(id) ?? [],
      pinned: rows.pins.some((pin) => covers(pin, key)),
    }),
  );
  return models.sort((one, other) => compare(one.model, other.model) || compare(one.revision, other.revision));
}

interface Parts {
  readonly files: readonly { readonly row: HeaderRow; readonly stored: FileRow | undefined }[];
  readonly users: Map<string, FileRow[]>;
  readonly engines: readonly EngineRow[];
  readonly tasks: readonly TaskRow[];
  readonly partials: readonly PartialRow[];
  readonly pinned: boolean;
}

function storedModel(key: Revision, { files, users, engines, tasks, partials, pinned }: Parts): StoredModel {
  const partialSize = sum(partials.map((row) => row.received));
  const own = new Map<string, number>();
  for (const { row, stored } of files) {
    if (stored && (users.get(stored.content) ?? []).every((user) => isSame(user, key))) {
      own.set(stored.content, row.headers.fileSize);
    }
  }
  return {
    model: key.model,
    revision: key.revision,
    root: key.root,
    tasks: unique(tasks.map((row) => row.taskName)),
    engines: unique(engines.flatMap((row) => row.engineIds)),
    files: files.flatMap(({ row, stored }) =>
      stored ? [{ path: row.file, size: row.headers.fileSize, integrity: stored.integrity }] : [],
    ),
    partials,
    size: sum(files.map(({ row }) => row.headers.fileSize)) + partialSize,
    partialSize,
    ownSize: sum([...own.values()]) + partialSize,
    lastUsed: Math.max(...files.map(({ row }) => row.headers.lastUsed), ...partials.map((row) => row.updatedAt)),
    pinned,
  };
}

/** Bytes of all models; equal contents count once. */
export function storedSize(rows: Rows): number {
  const sizes = new Map(rows.headers.map((row) => [fileKey(row), row.headers.fileSize]));
  const contents = new Map<string, number>();
  for (const row of rows.files) {
    const size = sizes.get(fileKey(row));
    if (size !== undefined) contents.set(row.content, size);
  }
  return sum([...contents.values(), ...rows.partials.map((row) => row.received)]);
}

function group<T>(rows: readonly T[], key: (row: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const found = groups.get(key(row));
    if (found) found.push(row);
    else groups.set(key(row), [row]);
  }
  return groups;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}
