// A batch from its submission to its retry, by a client of openapi-typescript and openapi-fetch; prints what it met.
import { readFile } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";

import createClient from "openapi-fetch";

import type { components, paths } from "./schema.js";

type Schemas = components["schemas"];

const { API_URL = "", TOKEN = "", WORKFLOW_ID: workflow_id = "", REFERENCE = "", MARK: mark = "" } = process.env;
const client = createClient<paths>({ baseUrl: API_URL, headers: { Authorization: `Bearer ${TOKEN}` } });
const api_key = "a-key";

/** The data of an answer, or an error that says what came instead. */
function given<Data>(answer: { data?: { data: Data }; error?: Schemas["ErrorResponse"] | undefined }): Data {
  if (!answer.data) throw new Error(JSON.stringify(answer.error));
  return answer.data.data;
}

/** The execution once it has ended, with the results that are in these states. */
async function ended(execution_id: string, status: Schemas["ResultStatus"][]): Promise<Schemas["ExecutionPage"]> {
  for (;;) {
    const params = { path: { execution_id }, query: { status, limit: 100 } };
    const page = given(await client.GET("/api/executions/{execution_id}", { params }));
    if (page.completed_at !== null) return page;
    await setTimeout(Math.min(page.poll_after_ms ?? 0, 500));
  }
}

/** A form of these fields and files. */
function form(fields: Omit<Schemas["SubmissionForm"], "reference_images">, ...files: File[]): FormData {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    data.append(name, typeof value === "string" ? value : JSON.stringify(value));
  }
  for (const file of files) data.append("reference_images", file);
  return data;
}

const workflow = given(await client.GET("/api/workflows/{workflow_id}", { params: { path: { workflow_id } } }));

const submission: Schemas["Submission"] = {
  prompts: [`${mark} fine`, { prompt: `${mark} doomed`, custom_id: "second" }, `${mark} blocked`],
  api_key,
  model: "gemini-3-pro-image",
  aspect_ratio: "16:9",
};
const header = { "Idempotency-Key": mark };
const execute = { params: { path: { workflow_id }, header }, body: submission };
const accepted = given(await client.POST("/api/workflows/{workflow_id}/execute", execute));
const again = await client.POST("/api/workflows/{workflow_id}/execute", execute);

const { execution_id } = accepted;
const path = { execution_id };
const open = await ended(execution_id, ["failed", "blocked"]);
const [image] = (await ended(execution_id, ["completed"])).batch_results;

const first = await client.GET("/api/executions/{execution_id}", { params: { path } });
const known = { path, header: { "If-None-Match": first.response.headers.get("ETag") ?? "" } };
const unchanged = await client.GET("/api/executions/{execution_id}", { params: known });

const text = await client.GET("/api/executions/{execution_id}/results.jsonl", { params: { path }, parseAs: "text" });
const lines = (text.data ?? "").trimEnd().split("\n").map((line): Schemas["Result"] => JSON.parse(line));

const listed = given(
  await client.GET("/api/executions", { params: { query: { status: ["partially_completed", "completed"] } } }),
);

const retried = given(
  await client.POST("/api/executions/{execution_id}/retry", {
    params: { path },
    body: { status: ["failed", "cancelled"], error_codes: ["INVALID_REQUEST"], api_key },
  }),
);
const mended = await ended(execution_id, ["completed"]);

const reference = new File([new Uint8Array(await readFile(REFERENCE))], "reference.png", { type: "image/png" });
const fields = { prompts_text: `${mark} form one\n${mark} form two`, api_key, metadata: { name: "A form" } };
const by_form = given(
  await client.POST("/api/workflows/{workflow_id}/execute", {
    params: { path: { workflow_id } },
    body: fields,
    bodySerializer: () => form(fields, reference),
  }),
);
const formed = await ended(by_form.execution_id, ["completed"]);

const many = { prompts_text: Array.from({ length: 60 }, (_, index) => `a gull ${index}`).join("\n"), api_key };
const long = given(
  await client.POST("/api/workflows/{workflow_id}/execute", { params: { path: { workflow_id } }, body: many }),
);
const cancelled = given(
  await client.POST("/api/executions/{execution_id}/cancel", { params: { path: { execution_id: long.execution_id } } }),
);

const refused = await client.POST("/api/workflows/{workflow_id}/execute", {
  params: { path: { workflow_id } },
  body: { prompts: ["fine", "no"], api_key, model: "no-such-model" },
});
const missing = await client.GET("/api/executions/{execution_id}", { params: { path: { execution_id: workflow_id } } });

console.log(
  JSON.stringify({
    workflow: [workflow.max_prompts, workflow.models["gemini-3-pro-image"]?.price_usd["1K"]],
    accepted: [accepted.status, accepted.prompt_count, accepted.urls.results === `${accepted.urls.self}/results.jsonl`],
    replayed: [given(again).execution_id === execution_id, again.response.headers.get("Idempotency-Replayed")],
    open: open.batch_results.map((result) => [result.batch_index, result.status, result.custom_id, result.error?.code]),
    counts: [open.counts.completed, open.counts.failed, open.counts.blocked, open.counts.total],
    image: [image?.content_type, image?.width, image?.height, image?.tokens?.image],
    unchanged: unchanged.response.status,
    lines: lines.map((line) => [line.prompt_text, line.status]),
    listed: listed.executions.some((execution) => execution.id === execution_id && execution.counts.total === 3),
    retried: [retried.retried, retried.counts.total, mended.counts.completed],
    form: [formed.metadata, formed.counts.completed, formed.batch_results.map((result) => result.prompt_text)],
    cancelled: cancelled.counts.cancelled > 0,
    refused: [
      refused.response.status,
      refused.error?.error.code,
      refused.error?.error.details.map((detail) => [detail.field, detail.index ?? null]),
    ],
    missing: [missing.response.status, missing.error?.error.code],
  }),
);
