// The support agent on `generateText` and `streamText`, with `experimental_telemetry`; versions 4 to 6 of the AI SDK.
import * as ai from 'ai';
import { z } from 'zod';
import { ask, order, play, runTool, startTelemetry } from './desk.mjs';

const provider = startTelemetry();
const model = await (order.setup.endsWith('+anthropic') ? claude() : gpt());
const types = { string: z.string(), number: z.number() };
const limit = ai.stepCountIs ? { stopWhen: ai.stepCountIs(order.limit) } : { maxSteps: order.limit };

async function gpt() {
  const { createOpenAI } = await import('@ai-sdk/openai');
  // without `strict` version 4 does not ask for the usage of a stream
  const openai = createOpenAI({ baseURL: `${order.model_url}/v1`, apiKey: 'scripted', compatibility: 'strict' });
  return openai.chat(order.model);
}

async function claude() {
  const { createAnthropic } = await import('@ai-sdk/anthropic');
  return createAnthropic({ baseURL: `${order.model_url}/v1`, apiKey: 'scripted' })(order.model);
}

// Version 4 calls the schema `parameters`.
function tool(schema, options) {
  return ai.tool({ ...options, inputSchema: z.object(schema), parameters: z.object(schema) });
}

const tools = Object.fromEntries(order.tools.map(({ name, description, parameters }) => {
  const schema = Object.fromEntries(Object.entries(parameters).map(([key, type]) => [key, types[type]]));
  const needsApproval = name === 'issue_refund' && Boolean(order.decision);
  return [name, tool(schema, { description, needsApproval, execute: (input) => runTool(name, input) })];
}));

function options(functionId, more) {
  const metadata = { sessionId: order.session, userId: order.user };
  return { model, ...limit, experimental_telemetry: { isEnabled: true, functionId, metadata }, ...more };
}

const support = (id, more) => options(id, { system: order.instructions, tools, ...more });

const team = () => options('triage_agent', {
  system: 'Hand refunds over.',
  prompt: order.ticket,
  tools: {
    transfer_to_refund_agent: tool({}, {
      description: 'Hand the conversation over to the refund agent.',
      execute: async () => (await ai.generateText(support('refund_agent', { prompt: order.ticket }))).text,
    }),
  },
});

async function answer() {
  if (order.hands_over) return (await ai.generateText(team())).text;
  const messages = [{ role: 'user', content: order.ticket }];
  if (order.streams) {
    const stream = ai.streamText(support('support_agent', { messages }));
    await stream.consumeStream();
    return await stream.text;
  }
  const result = await ai.generateText(support('support_agent', { messages }));
  const asked = (result.content ?? []).filter((part) => part.type === 'tool-approval-request');
  if (asked.length === 0) return result.text;
  const content = [];
  for (const part of asked) {
    const approved = await ask('approvals/issue_refund', {});
    content.push({ type: 'tool-approval-response', approvalId: part.approvalId, approved });
  }
  messages.push(...result.response.messages, { role: 'tool', content });
  return (await ai.generateText(support('support_agent', { messages }))).text;
}

await play(provider, answer);
