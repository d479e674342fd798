// The support agent on the Vercel AI SDK.
import { createOpenAI } from '@ai-sdk/openai';
import { OpenTelemetry } from '@ai-sdk/otel';
import { registerTelemetry, stepCountIs, tool, ToolLoopAgent } from 'ai';
import { z } from 'zod';
import { ask, order, play, runTool, startTelemetry } from './desk.mjs';

const provider = startTelemetry();
const ids = { 'session.id': order.session, 'user.id': order.user };
registerTelemetry(new OpenTelemetry({ enrichSpan: () => ids }));

const model = createOpenAI({ baseURL: `${order.model_url}/v1`, apiKey: 'scripted' }).chat(order.model);
const types = { string: z.string(), number: z.number() };

const tools = Object.fromEntries(order.tools.map(({ name, description, parameters }) => {
  const inputSchema = z.object(Object.fromEntries(Object.entries(parameters).map(([key, type]) => [key, types[type]])));
  return [name, tool({ description, inputSchema, execute: (input) => runTool(name, input) })];
}));

function agent(id, instructions, options) {
  return new ToolLoopAgent({ id, model, instructions, stopWhen: stepCountIs(order.limit), telemetry: { functionId: id }, ...options });
}

const support = (id) => agent(id, order.instructions, {
  tools,
  ...(order.decision ? { toolApproval: { issue_refund: 'user-approval' } } : {}),
});

const team = () => agent('triage_agent', 'Hand refunds over.', {
  tools: {
    transfer_to_refund_agent: tool({
      description: 'Hand the conversation over to the refund agent.',
      inputSchema: z.object({}),
      execute: async () => (await support('refund_agent').generate({ prompt: order.ticket })).text,
    }),
  },
});

async function answer() {
  const chosen = order.hands_over ? team() : support('support_agent');
  if (order.streams) return await (await chosen.stream({ prompt: order.ticket })).text;
  const earlier = order.history.map(([role, content]) => ({ role, content }));
  const messages = [...earlier, { role: 'user', content: order.ticket }];
  const result = await chosen.generate({ messages });
  const asked = result.content.filter((part) => part.type === 'tool-approval-request');
  if (asked.length === 0) return result.text;
  const content = [];
  for (const part of asked) {
    const approved = await ask('approvals/issue_refund', {});
    content.push({ type: 'tool-approval-response', approvalId: part.approvalId, approved });
  }
  messages.push(...result.response.messages, { role: 'tool', content });
  return (await chosen.generate({ messages })).text;
}

await play(provider, answer);
