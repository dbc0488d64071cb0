using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ingot.Server.Tests;

/// <summary>A server of the Model Context Protocol over HTTP with one tool, add, which answers "@result" and the sum; written from the protocol's text, not with its library.</summary>
sealed class TinyToolServer : IDisposable
{
    /// <summary>The same over standard input and output, in a shell, with a tool that greets.</summary>
    public const string Script = """
        while IFS= read -r line; do
          id=$(printf '%s' "$line" | sed -n 's/.*"id": *\("[^"]*"\|[0-9]*\).*/\1/p')
          version=$(printf '%s' "$line" | sed -n 's/.*"protocolVersion": *"\([^"]*\)".*/\1/p')
          case "$line" in
            *'"initialize"'*) result='{"protocolVersion":"'"$version"'","capabilities":{"tools":{}},"serverInfo":{"name":"shell","version":"1"}}' ;;
            *'"tools/list"'*) result='{"tools":[{"name":"greet","description":"Greets","inputSchema":{"type":"object"}}]}' ;;
            *'"tools/call"'*) result='{"content":[{"type":"text","text":"hello from a shell'"${INGOT_API_KEY:+ that knows the key}"'"}]}' ;;
            *) [ -z "$id" ] && continue; printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"unknown method"}}\n' "$id"; continue ;;
          esac
          printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$result"
        done
        """;

    readonly HttpListener listener = new();
    int calls;

    public TinyToolServer()
    {
        using (var probe = new TcpListener(IPAddress.Loopback, 0))
        {
            probe.Start();
            Address = $"http://127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}/mcp/";
        }
        listener.Prefixes.Add(Address);
        listener.Start();
        _ = Serve();
    }

    public string Address { get; }

    public int Calls => calls;

    async Task Serve()
    {
        while (listener.IsListening)
        {
            HttpListenerContext context;
            try { context = await listener.GetContextAsync(); }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException) { return; }
            await Answer(context);
        }
    }

    async Task Answer(HttpListenerContext context)
    {
        try { await Answer(context, context.Response); }
        finally { context.Response.Close(); } // disposing would cut the connection
    }

    async Task Answer(HttpListenerContext context, HttpListenerResponse response)
    {
        if (context.Request.HttpMethod != "POST")
        {
            response.StatusCode = 405;
            return;
        }
        var request = (await JsonNode.ParseAsync(context.Request.InputStream))!;
        if (request["id"] is not { } id)
        {
            response.StatusCode = 202; // a notification
            return;
        }
        var answer = new JsonObject { ["jsonrpc"] = "2.0", ["id"] = id.DeepClone() };
        JsonNode? result = request["method"]!.GetValue<string>() switch
        {
            "initialize" => new JsonObject { ["protocolVersion"] = request["params"]!["protocolVersion"]!.DeepClone(), ["capabilities"] = new JsonObject { ["tools"] = new JsonObject() }, ["serverInfo"] = new JsonObject { ["name"] = "tiny", ["version"] = "1" } },
            "tools/list" => JsonNode.Parse("""{"tools": [{"name": "add", "description": "Adds two numbers", "inputSchema": {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "required": ["a", "b"]}}]}"""),
            "tools/call" => Add(request["params"]!["arguments"]!),
            _ => null,
        };
        if (result is null) answer["error"] = new JsonObject { ["code"] = -32601, ["message"] = "unknown method" };
        else answer["result"] = result;
        response.ContentType = "application/json";
        await response.OutputStream.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(answer));
    }

    JsonNode Add(JsonNode arguments)
    {
        Interlocked.Increment(ref calls);
        bool isRight = arguments["a"] is JsonValue a && a.TryGetValue<int>(out _) && arguments["b"] is JsonValue b && b.TryGetValue<int>(out _);
        string text = isRight ? $"@result{arguments["a"]!.GetValue<int>() + arguments["b"]!.GetValue<int>()}" : "a and b must be whole numbers";
        return new JsonObject { ["content"] = new JsonArray(new JsonObject { ["type"] = "text", ["text"] = text }), ["isError"] = !isRight };
    }

    public void Dispose() => listener.Close();
}
