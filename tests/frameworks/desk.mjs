// What the agents in Node.js share: the order, the desk that runs the tools, telemetry, and the line that says how it ended.
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';

export const order = JSON.parse(process.env.ORDER);
const resource = resourceFromAttributes({ 'service.name': 'support-agent', 'service.version': '1.4.0' });

// The result of a tool, or what a person decides.
export async function ask(path, body) {
  const response = await fetch(`${order.desk}/${path}`, { method: 'POST', body: JSON.stringify(body) });
  const said = await response.json();
  if (said.error) throw Object.assign(new Error(said.error), { name: said.error_type });
  return said.result;
}

export const runTool = (name, input) => ask(`tools/${name}`, input);

// The global tracer provider; `wrap` may put a span processor around the exporter, or stand in its place.
export function startTelemetry(wrap = (exporter) => new BatchSpanProcessor(exporter)) {
  const exporter = new OTLPTraceExporter({ url: `${order.otlp}/v1/traces` });
  const provider = new NodeTracerProvider({ resource, spanProcessors: [wrap(exporter)].flat() });
  provider.register();
  return provider;
}

// Plays, sends what is waiting, and says how it ended.
export async function play(provider, answer) {
  let known;
  try {
    known = { answer: await answer() };
  } catch (error) {
    known = { error: String(error.message), error_type: error.name };
  }
  await provider.shutdown();
  process.stdout.write(`${JSON.stringify(known)}\n`);
}
