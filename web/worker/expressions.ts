/**
 * Filter expressions of Remote Settings' records: JEXL, by Mozilla's own library, with the transforms of Firefox
 * (`FilterExpressions.sys.mjs`) that make sense in a page. Those about preferences do not: an expression that uses
 * one cannot be evaluated, and Python then leaves its record out.
 */
import { Jexl } from "mozjexl";
import { bucketSample, stableSample } from "./sampling";
import { compareVersions } from "./versions";

/** What the JSON of an `evaluate` message holds. */
export interface EvaluateQuestion {
  readonly expressions: readonly string[];
  /** What expressions can name, `env` for example. */
  readonly context: Readonly<Record<string, unknown>>;
}

/** Whether each expression is true, or why it cannot be evaluated. */
export async function evaluate({ expressions, context }: EvaluateQuestion): Promise<(boolean | string)[]> {
  const jexl = firefoxJexl();
  return Promise.all(
    expressions.map(async (expression) => {
      try {
        // The library's lexer knows no line breaks.
        return Boolean(await jexl.eval(expression.replace(/[\t\n\r]/g, " "), context));
      } catch (thrown) {
        return thrown instanceof Error ? thrown.message : String(thrown);
      }
    }),
  );
}

function firefoxJexl(): Jexl {
  const jexl = new Jexl();
  jexl.addTransforms({
    date: (text: string) => new Date(text),
    keys: (value: unknown) => (isObject(value) ? Object.keys(value) : undefined),
    values: (value: unknown) => (isObject(value) ? Object.values(value) : undefined),
    length: (value: unknown) => (Array.isArray(value) ? value.length : undefined),
    mapToProperty: (value: unknown, name: string) =>
      Array.isArray(value) ? value.map((item: Record<string, unknown>) => item[name]) : undefined,
    regExpMatch: (text: string, pattern: string, flags?: string) => text.match(new RegExp(pattern, flags)),
    versionCompare: compareVersions,
    stableSample,
    bucketSample,
  });
  jexl.addBinaryOp("intersect", 40, (left: unknown, right: unknown) =>
    Array.isArray(left) && Array.isArray(right) ? left.filter((item) => right.includes(item)) : undefined,
  );
  return jexl;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
