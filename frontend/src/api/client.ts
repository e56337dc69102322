/** The typed client: every call carries the key, and every refusal is thrown as `ApiProblem`. */
import createClient from "openapi-fetch";
import { authorization, BASE_URL } from "./access";
import { ApiProblem, asProblem, problemFrom, problemOf } from "./problem";
import type { paths } from "./schema";

export const client = createClient<paths>({ baseUrl: BASE_URL });
client.use({
  onRequest({ request }) {
    for (const [name, value] of Object.entries(authorization())) request.headers.set(name, value);
    return request;
  },
});

interface Answered<Data> {
  data?: Data;
  error?: unknown;
  response: Response;
}

/** The body of an answered call. Throws `ApiProblem` for a refusal, and when nobody answers. */
export async function unwrap<Data>(call: Promise<Answered<Data>>): Promise<Data> {
  let answered: Answered<Data>;
  try {
    answered = await call;
  } catch (error) {
    throw asProblem(error);
  }
  if (!answered.response.ok) throw problemFrom(answered.response.status, answered.error);
  return answered.data as Data;
}

/** A file of the API, fetched with the key and handed to the browser to keep. */
export async function download(path: string, filename: string): Promise<void> {
  let response: Response;
  try {
    response = await fetch(`${BASE_URL}${path}`, { headers: authorization() });
  } catch (error) {
    throw asProblem(error);
  }
  if (!response.ok) throw await problemOf(response);
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = url;
  link.download = filename;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

export { ApiProblem };
