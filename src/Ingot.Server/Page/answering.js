// One answer: streamed, with the tools that it asks for, until the model has nothing more to ask.
import { postJson, stream } from "/page/api.js";

const mostRounds = 12; // of tools for one answer

export class Answering {
  #abort = new AbortController();
  #waiting = new Map(); // calls that wait for the user's word
  #frame = 0;

  /** For the conversation that is shown now; another may be shown before the answer is complete. */
  constructor(state, model, sampling, events) { Object.assign(this, { state, conversation: state.conversation, model, sampling, events }); }

  /** A message's text as the model gets it: its files before its words. */
  static contentOf(node) {
    const files = (node.files ?? []).map(f => {
      const fence = "`".repeat(Math.max(3, ...(f.text.match(/`+/g) ?? []).map(m => m.length + 1)));
      return `${f.name}:\n${fence}\n${f.text.replace(/\n$/, "")}\n${fence}\n\n`;
    });
    return files.join("") + node.content;
  }

  stop() {
    this.#abort.abort();
    for (const decide of this.#waiting.values()) decide("stop");
  }

  decide(call, decision) { this.#waiting.get(call.id)?.(decision); }

  async run(parent) {
    for (let round = 0; round < mostRounds; round++) {
      const node = this.conversation.add(parent, { role: "assistant", content: "", reasoning: "", calls: [], model: this.model.id, isRunning: true });
      this.events.begun(node);
      try { await (this.model.chat ? this.#chat(node) : this.#continue(node)); }
      catch (e) {
        if (e.name === "AbortError") node.finish = "stopped";
        else node.failure = e instanceof TypeError ? "The connection to the server was lost." : e.message;
      }
      node.isRunning = false;
      cancelAnimationFrame(this.#frame);
      this.#frame = 0;
      this.events.changed(node);
      if (node.calls.length === 0 || node.failure || this.#abort.signal.aborted) return;
      parent = await this.#tools(node);
      if (!parent) return;
    }
  }

  #messages(node) {
    const messages = [], path = this.conversation.path;
    if (this.conversation.system.trim()) messages.push({ role: "system", content: this.conversation.system });
    for (const n of path.slice(0, path.indexOf(node))) {
      if (n.role === "tool") messages.push({ role: "tool", tool_call_id: n.callId, name: n.name, content: n.content });
      else if (n.calls?.length) messages.push({ role: n.role, content: n.content || null, tool_calls: n.calls.map(c => ({ id: c.id, type: "function", function: { name: c.name, arguments: c.arguments } })) });
      else messages.push({ role: n.role, content: Answering.contentOf(n) });
    }
    return messages;
  }

  async #chat(node) {
    const tools = this.state.useTools && this.state.tools.length ? { tools: this.state.tools.map(({ type, function: f }) => ({ type, function: f })) } : {};
    const clock = new Clock();
    for await (const event of stream("/v1/chat/completions", { model: this.model.id, messages: this.#messages(node), ...this.sampling, ...tools }, this.#abort.signal)) {
      const choice = event.choices[0], delta = choice?.delta ?? {};
      if (delta.content) { clock.tick(); node.content += delta.content; }
      if (delta.reasoning_content) { clock.tick(); node.reasoning += delta.reasoning_content; }
      for (const call of delta.tool_calls ?? []) {
        clock.tick();
        const own = node.calls[call.index] ??= { id: "", name: "", arguments: "" };
        if (call.id) own.id = call.id;
        if (call.function?.name) own.name = call.function.name;
        own.arguments += call.function?.arguments ?? "";
      }
      if (choice?.finish_reason) node.finish = choice.finish_reason;
      node.figures = clock.figures(event.usage);
      this.#show(node);
    }
  }

  /** A model without a chat format goes on where the texts so far end. */
  async #continue(node) {
    const clock = new Clock(), path = this.conversation.path;
    const prompt = path.slice(0, path.indexOf(node)).map(n => Answering.contentOf(n)).join("");
    for await (const event of stream("/v1/completions", { model: this.model.id, prompt, max_tokens: 256, ...this.sampling }, this.#abort.signal)) {
      const choice = event.choices[0];
      if (choice?.text) { clock.tick(); node.content += choice.text; }
      if (choice?.finish_reason) node.finish = choice.finish_reason;
      node.figures = clock.figures(event.usage);
      this.#show(node);
    }
  }

  /** At most once a frame. */
  #show(node) {
    this.#frame ||= requestAnimationFrame(() => { this.#frame = 0; this.events.changed(node); });
  }

  /** Asks the user about each call, and lets those run that are allowed. */
  async #tools(node) {
    let last = node;
    for (const call of node.calls) {
      const decision = this.state.allowed.has(call.name) ? "chat" : await this.#consent(node, call);
      if (decision === "stop") return null;
      if (decision === "chat") this.state.allowed.add(call.name);
      let result;
      if (decision === "deny") result = { content: "The user did not allow this call.", is_error: true };
      else {
        call.state = "running";
        this.events.changed(node);
        try { result = await postJson("/api/tools/call", { name: call.name, arguments: JSON.parse(call.arguments || "{}"), consent: decision }, this.#abort.signal); }
        catch (e) {
          if (e.name === "AbortError") return null;
          result = { content: e instanceof SyntaxError ? "The arguments are no JSON." : e.message, is_error: true };
        }
      }
      call.state = decision === "deny" ? "denied" : "done";
      last = this.conversation.add(last, { role: "tool", content: result.content, callId: call.id, name: call.name, isError: result.is_error });
      this.events.changed(node);
    }
    return last;
  }

  #consent(node, call) {
    call.state = "waiting";
    return new Promise(resolve => {
      this.#waiting.set(call.id, decision => { this.#waiting.delete(call.id); call.state = ""; resolve(decision); });
      this.events.changed(node);
    });
  }
}

/** Times an answer. */
class Clock {
  start = performance.now();
  first = 0;
  last = 0;
  pieces = 0;

  tick() {
    this.last = performance.now();
    this.first ||= this.last;
    this.pieces++;
  }

  figures(usage) {
    const tokens = usage?.completion_tokens ?? this.pieces, seconds = (this.last - this.first) / 1000;
    const parts = [`${tokens} token${tokens === 1 ? "" : "s"}`];
    if (tokens > 1 && seconds > 0) parts.push(`${((tokens - 1) / seconds).toFixed(1)} a second`);
    if (this.first) parts.push(`first after ${((this.first - this.start) / 1000).toFixed(2)} s`);
    if (usage) parts.push(`prompt ${usage.prompt_tokens}${usage.prompt_tokens_details?.cached_tokens ? ` (${usage.prompt_tokens_details.cached_tokens} cached)` : ""}`);
    return parts.join(" · ");
  }
}
