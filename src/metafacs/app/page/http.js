// Talking to the server of this page; every error is a sentence that can be shown.

import { say } from "./dom.js";

/** What the server refused, with its sentence and status; status 0 if it did not answer at all. */
export class Refused extends Error {
  constructor(sentence, status) {
    super(sentence);
    this.status = status;
  }
}

async function sentenceOf(response) {
  try {
    return (await response.json()).error || say("error_status", { status: response.status });
  } catch {
    return say("error_status", { status: response.status });
  }
}

/** Ask the server; returns its JSON, null where it has nothing to say. */
export async function ask(path, { method = "GET", json, signal } = {}) {
  const options = { method, signal };
  if (json !== undefined) {
    options.body = JSON.stringify(json);
    options.headers = { "Content-Type": "application/json" };
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(say("error_gone"), 0);
  }
  if (!response.ok) throw new Refused(await sentenceOf(response), response.status);
  return response.status === 204 ? null : response.json();
}

/** Ask the server for bytes. */
export async function askBytes(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Refused(await sentenceOf(response), response.status);
  return response.arrayBuffer();
}

/**
 * Send a file to the server of this computer.
 *
 * @returns {{done: Promise<object>, cancel: () => void}} done gives the FILE of the server.
 */
export function upload(file, query, progress) {
  const request = new XMLHttpRequest();
  const done = new Promise((resolve, reject) => {
    request.open("POST", `/api/files?${new URLSearchParams({ name: file.name, ...query })}`);
    request.responseType = "json";
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    request.onload = () =>
      request.status === 201
        ? resolve(request.response)
        : reject(new Refused(request.response?.error || say("error_status", { status: request.status }), request.status));
    request.onerror = () => reject(new Refused(say("error_upload", { name: file.name }), 0));
    request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
    request.send(file);
  });
  return { done, cancel: () => request.abort() };
}
