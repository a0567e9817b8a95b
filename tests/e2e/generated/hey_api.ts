// A batch from its submission to its retry, by a client of @hey-api/openapi-ts; prints what it met.
import { readFile } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";

import { formDataBodySerializer } from "./client/client/index.js";
import { client } from "./client/client.gen.js";
import * as api from "./client/index.js";

const { API_URL = "", TOKEN = "", WORKFLOW_ID: workflow_id = "", REFERENCE = "", MARK: mark = "" } = process.env;
client.setConfig({ baseUrl: API_URL, auth: () => TOKEN });
const api_key = "a-key";

/** The data of an answer, or an error that says what came instead. */
function given<Data>(answer: { data: { data: Data } | undefined; error?: unknown }): Data {
  if (!answer.data) throw new Error(JSON.stringify(answer.error));
  return answer.data.data;
}

/** The execution once it has ended, with the results that are in these states. */
async function ended(execution_id: string, status: api.ResultStatus[]): Promise<api.ExecutionPage> {
  for (;;) {
    const page = given(await api.getExecution({ path: { execution_id }, query: { status, limit: 100 } }));
    if (page.completed_at !== null) return page;
    await setTimeout(Math.min(page.poll_after_ms ?? 0, 500));
  }
}

/** Submit a form: the generated function sends JSON. */
async function submitForm(body: api.SubmissionForm): Promise<api.Accepted> {
  const answer = await client.post<api.SubmitBatchResponses, api.SubmitBatchErrors>({
    ...formDataBodySerializer,
    security: [{ scheme: "bearer", type: "http" }],
    url: "/api/workflows/{workflow_id}/execute",
    path: { workflow_id },
    headers: { "Content-Type": null },
    body,
  });
  return given(answer);
}

const workflow = given(await api.getWorkflow({ path: { workflow_id } }));

const submission: api.Submission = {
  prompts: [`${mark} fine`, { prompt: `${mark} doomed`, custom_id: "second" }, `${mark} blocked`],
  api_key,
  model: "gemini-3-pro-image",
  aspect_ratio: "16:9",
};
const execute = { path: { workflow_id }, headers: { "Idempotency-Key": mark }, body: submission };
const accepted = given(await api.submitBatch(execute));
const again = await api.submitBatch(execute);

const { execution_id } = accepted;
const path = { execution_id };
const open = await ended(execution_id, ["failed", "blocked"]);
const [image] = (await ended(execution_id, ["completed"])).batch_results;

const first = await api.getExecution({ path });
const known = { "If-None-Match": first.response?.headers.get("ETag") ?? "" };
const unchanged = await api.getExecution({ path, headers: known });

const text = await api.getResults({ path, parseAs: "text" });
const lines = (text.data ?? "").trimEnd().split("\n").map((line): api.Result => JSON.parse(line));

const listed = given(await api.listExecutions({ query: { status: ["partially_completed", "completed"] } }));

const filters: api.RetryRequest = { status: ["failed", "cancelled"], error_codes: ["INVALID_REQUEST"], api_key };
const retried = given(await api.retryExecution({ path, body: filters }));
const mended = await ended(execution_id, ["completed"]);

const by_form = await submitForm({
  prompts_text: `${mark} form one\n${mark} form two`,
  api_key,
  reference_images: [new File([new Uint8Array(await readFile(REFERENCE))], "reference.png", { type: "image/png" })],
  metadata: { name: "A form" },
});
const formed = await ended(by_form.execution_id, ["completed"]);

const many = Array.from({ length: 60 }, (_, index) => `a gull ${index}`).join("\n");
const long = given(await api.submitBatch({ path: { workflow_id }, body: { prompts_text: many, api_key } }));
const cancelled = given(await api.cancelExecution({ path: { execution_id: long.execution_id } }));

const refused = await api.submitBatch({
  path: { workflow_id },
  body: { prompts: ["fine", "no"], api_key, model: "no-such-model" },
});
const missing = await api.getExecution({ path: { execution_id: workflow_id } });

console.log(
  JSON.stringify({
    workflow: [workflow.max_prompts, workflow.models["gemini-3-pro-image"]?.price_usd["1K"]],
    accepted: [accepted.status, accepted.prompt_count, accepted.urls.results === `${accepted.urls.self}/results.jsonl`],
    replayed: [given(again).execution_id === execution_id, again.response?.headers.get("Idempotency-Replayed")],
    open: open.batch_results.map((result) => [result.batch_index, result.status, result.custom_id, result.error?.code]),
    counts: [open.counts.completed, open.counts.failed, open.counts.blocked, open.counts.total],
    image: [image?.content_type, image?.width, image?.height, image?.tokens?.image],
    unchanged: unchanged.response?.status,
    lines: lines.map((line) => [line.prompt_text, line.status]),
    listed: listed.executions.some((execution) => execution.id === execution_id && execution.counts.total === 3),
    retried: [retried.retried, retried.counts.total, mended.counts.completed],
    form: [formed.metadata, formed.counts.completed, formed.batch_results.map((result) => result.prompt_text)],
    cancelled: cancelled.counts.cancelled > 0,
    refused: [
      refused.response?.status,
      refused.error?.error.code,
      refused.error?.error.details.map((detail) => [detail.field, detail.index ?? null]),
    ],
    missing: [missing.response?.status, missing.error?.error.code],
  }),
);
