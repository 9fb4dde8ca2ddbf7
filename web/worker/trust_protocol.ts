/** The messages of the trust worker, beside those that all workers have (`protocol.ts`). */

/** Read a chain of certificates in PEM. The reply's JSON is a list of `CertificateFacts` (see `trust.ts`). */
export interface ReadChainMessage {
  readonly type: "read-chain";
  readonly id: number;
  readonly pem: string;
}

/** Evaluate filter expressions. The JSON is an `EvaluateQuestion`, the reply's a list of booleans or reasons. */
export interface EvaluateMessage {
  readonly type: "evaluate";
  readonly id: number;
  readonly json: string;
}

export type TrustRequest = ReadChainMessage | EvaluateMessage;
