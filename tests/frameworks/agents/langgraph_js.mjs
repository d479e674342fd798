// The support agent on LangGraph: retrieve, then model and tools take turns; traced by OpenInference or by Langfuse.
import { ToolMessage } from '@langchain/core/messages';
import { BaseRetriever } from '@langchain/core/retrievers';
import { DynamicStructuredTool } from '@langchain/core/tools';
import { Annotation, Command, interrupt, MemorySaver, MessagesAnnotation, START, StateGraph } from '@langchain/langgraph';
import { ToolNode, toolsCondition } from '@langchain/langgraph/prebuilt';
import { ChatOpenAI } from '@langchain/openai';
import { z } from 'zod';
import { ask, order, play, runTool, startTelemetry } from './desk.mjs';

const { provider, callbacks } = await (order.setup === 'langfuse' ? withLangfuse() : withOpenInference());
const types = { string: z.string(), number: z.number() };
const chat = () => new ChatOpenAI({ model: order.model, apiKey: 'scripted', configuration: { baseURL: `${order.model_url}/v1` } });

async function withOpenInference() {
  const { LangChainInstrumentation } = await import('@arizeai/openinference-instrumentation-langchain');
  const managers = await import('@langchain/core/callbacks/manager');
  const started = startTelemetry();
  new LangChainInstrumentation({ tracerProvider: started }).manuallyInstrument(managers);
  return { provider: started, callbacks: [] };
}

async function withLangfuse() {
  const { CallbackHandler } = await import('@langfuse/langchain');
  const { LangfuseSpanProcessor } = await import('@langfuse/otel');
  const keys = { publicKey: 'pk', secretKey: 'sk', baseUrl: order.otlp };
  const started = startTelemetry((exporter) => new LangfuseSpanProcessor({ ...keys, exporter }));
  return { provider: started, callbacks: [new CallbackHandler({ sessionId: order.session, userId: order.user })] };
}

class HelpCenter extends BaseRetriever {
  lc_namespace = ['support'];

  async _getRelevantDocuments(query) {
    const found = await runTool('search_help', { query });
    return found.map(({ id, content, score }) => ({ id, pageContent: content, metadata: { score } }));
  }
}

const tools = order.tools.filter(({ name }) => name !== 'search_help').map(({ name, description, parameters }) => {
  const schema = z.object(Object.fromEntries(Object.entries(parameters).map(([key, type]) => [key, types[type]])));
  const func = async (input) => {
    if (name === 'issue_refund' && order.decision && !interrupt({ tool: name, ...input })) {
      return 'REJECTED: a colleague did not approve this refund';
    }
    return JSON.stringify(await runTool(name, input));
  };
  return new DynamicStructuredTool({ name, description, schema, func });
});

function support() {
  const State = Annotation.Root({ ...MessagesAnnotation.spec, articles: Annotation() });
  const retriever = new HelpCenter();
  const bound = chat().bindTools(tools);
  const retrieve = async ({ messages }, config) => {
    const found = await retriever.invoke(messages[0].content, config);
    return { articles: found.map(({ pageContent }) => pageContent).join('\n\n') };
  };
  const model = async ({ messages, articles }, config) => {
    const content = `${order.instructions}\n\nHelp articles:\n${articles || 'none found'}`;
    return { messages: [await bound.invoke([{ role: 'system', content }, ...messages], config)] };
  };
  return new StateGraph(State)
    .addNode('retrieve', retrieve)
    .addNode('model', model)
    .addNode('tools', new ToolNode(tools, { handleToolErrors: !order.crashes }))
    .addEdge(START, 'retrieve')
    .addEdge('retrieve', 'model')
    .addConditionalEdges('model', toolsCondition)
    .addEdge('tools', 'model')
    .compile({ name: 'support_agent', checkpointer: new MemorySaver() });
}

function team() {
  const transfer = new DynamicStructuredTool({
    name: 'transfer_to_refund_agent',
    description: 'Hand the conversation over to the refund agent.',
    schema: z.object({}),
    func: async (_input, _manager, config) => {
      const said = new ToolMessage({ content: 'handed over', name: 'transfer_to_refund_agent', tool_call_id: config.toolCall.id });
      return new Command({ goto: 'refund_agent', update: { messages: [said] } });
    },
  });
  const bound = chat().bindTools([transfer]);
  return new StateGraph(MessagesAnnotation)
    .addNode('triage_agent', async ({ messages }, config) => ({ messages: [await bound.invoke(messages, config)] }))
    .addNode('tools', new ToolNode([transfer]), { ends: ['refund_agent'] })
    .addNode('refund_agent', support())
    .addEdge(START, 'triage_agent')
    .addConditionalEdges('triage_agent', toolsCondition)
    .compile({ name: 'support_team', checkpointer: new MemorySaver() });
}

async function answer() {
  const graph = order.hands_over ? team() : support();
  const config = {
    recursionLimit: 12,
    configurable: { thread_id: order.session },
    metadata: { session_id: order.session, user_id: order.user },
    callbacks,
  };
  const given = { messages: [{ role: 'user', content: order.ticket }] };
  let state;
  if (order.streams) {
    for await (const _ of await graph.stream(given, { ...config, streamMode: 'messages' }));
    state = (await graph.getState(config)).values;
  } else {
    state = await graph.invoke(given, config);
  }
  if (state.__interrupt__) {
    state = await graph.invoke(new Command({ resume: await ask('approvals/issue_refund', {}) }), config);
  }
  return state.messages.at(-1).content;
}

await play(provider, answer);
