// The support agent on the openai client, in a loop of one's own; traced by OpenInference, or by Langfuse's SDK.
import OpenAI from 'openai';
import { order, play, runTool, startTelemetry } from './desk.mjs';

const traced = await (order.setup === 'langfuse' ? withLangfuse() : withOpenInference());
const offered = order.tools.map(({ name, description, parameters }) => {
  const properties = Object.fromEntries(Object.entries(parameters).map(([key, type]) => [key, { type }]));
  const schema = { type: 'object', properties, required: Object.keys(parameters) };
  return { type: 'function', function: { name, description, parameters: schema } };
});

async function withOpenInference() {
  const { OpenAIInstrumentation } = await import('@arizeai/openinference-instrumentation-openai');
  const provider = startTelemetry();
  new OpenAIInstrumentation({ tracerProvider: provider }).manuallyInstrument(OpenAI);
  return { provider, client: client(), run: runTool, agent: (play) => play() };
}

async function withLangfuse() {
  const { observe, propagateAttributes } = await import('@langfuse/tracing');
  const { LangfuseSpanProcessor } = await import('@langfuse/otel');
  const { observeOpenAI } = await import('@langfuse/openai');
  const keys = { publicKey: 'pk', secretKey: 'sk', baseUrl: order.otlp };
  const provider = startTelemetry((exporter) => new LangfuseSpanProcessor({ ...keys, exporter }));
  const run = (name, input) => {
    const asType = name === 'search_help' ? 'retriever' : 'tool';
    return observe((given) => runTool(name, given), { name, asType })(input);
  };
  const ids = { sessionId: order.session, userId: order.user };
  const agent = (play) => propagateAttributes(ids, () => observe(play, { name: 'support_agent', asType: 'agent' })(order.ticket));
  return { provider, client: observeOpenAI(client()), run, agent };
}

function client() {
  return new OpenAI({ baseURL: `${order.model_url}/v1`, apiKey: 'scripted' });
}

async function converse() {
  const messages = [{ role: 'system', content: order.instructions }, { role: 'user', content: order.ticket }];
  for (let turn = 0; turn < order.limit; turn += 1) {
    const message = await next(messages);
    messages.push(message);
    if (!message.tool_calls?.length) return message.content;
    for (const call of message.tool_calls) {
      messages.push({ role: 'tool', tool_call_id: call.id, content: await told(call.function) });
    }
  }
  return null;
}

async function told({ name, arguments: given }) {
  try {
    return JSON.stringify(await traced.run(name, JSON.parse(given)));
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
}

async function next(messages) {
  const request = { model: order.model, messages, tools: offered };
  if (!order.streams) return (await traced.client.chat.completions.create(request)).choices[0].message;
  const stream = await traced.client.chat.completions.create({ ...request, stream: true, stream_options: { include_usage: true } });
  let content = '';
  const calls = [];
  for await (const chunk of stream) {
    const delta = chunk.choices[0]?.delta ?? {};
    content += delta.content ?? '';
    for (const { index, ...piece } of delta.tool_calls ?? []) {
      if (piece.id) calls[index] = { ...piece, function: { name: piece.function.name, arguments: '' } };
      calls[index].function.arguments += piece.function.arguments;
    }
  }
  return { role: 'assistant', content: content || null, ...(calls.length ? { tool_calls: calls } : {}) };
}

await play(traced.provider, () => traced.agent(converse));
