// Talking to the server.

const headers = () => {
  const key = sessionStorage.getItem("ingot.key");
  return { "content-type": "application/json", ...(key ? { authorization: `Bearer ${key}` } : {}) };
};

async function request(path, options = {}) {
  const response = await fetch(path, { ...options, headers: headers() });
  if (response.ok) return response;
  let message = `The server answered ${response.status}.`;
  try { message = (await response.json()).error.message; } catch { /* no JSON: the number has to do */ }
  const error = new Error(message);
  error.status = response.status;
  throw error;
}

export const getJson = async path => (await request(path)).json();

export const postJson = async (path, body, signal) => (await request(path, { method: "POST", body: JSON.stringify(body), signal })).json();

/** The events of a stream, parsed. */
export async function* stream(path, body, signal) {
  const response = await request(path, { method: "POST", body: JSON.stringify({ ...body, stream: true, stream_options: { include_usage: true } }), signal });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    held += value;
    for (let end; (end = held.indexOf("\n\n")) >= 0; held = held.slice(end + 2)) {
      const line = held.slice(0, end);
      if (!line.startsWith("data: ")) continue;
      if (line === "data: [DONE]") return;
      const event = JSON.parse(line.slice(6));
      if (event.error) throw new Error(event.error.message);
      yield event;
    }
  }
}
