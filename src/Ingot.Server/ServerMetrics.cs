using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using Ingot.Server.Api;

namespace Ingot.Server;

/// <summary>
/// What the server measures, under the names of OpenTelemetry's conventions for generative models, on a <see cref="Meter"/> that any exporter can listen to;
/// <see cref="PrometheusText"/> is the one behind /metrics.
/// </summary>
sealed class ServerMetrics : IDisposable
{
    readonly Meter meter = new("Ingot.Server");
    readonly Histogram<double> duration, firstToken, perToken;
    readonly Histogram<long> tokens;
    readonly Counter<long> responses;

    public ServerMetrics(Models models)
    {
        duration = meter.CreateHistogram<double>("gen_ai.server.request.duration", "s", "From the request to the end of its answer.", advice: new() { HistogramBucketBoundaries = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92] });
        firstToken = meter.CreateHistogram<double>("gen_ai.server.time_to_first_token", "s", "From the request to the first token of its answer.", advice: new() { HistogramBucketBoundaries = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0] });
        perToken = meter.CreateHistogram<double>("gen_ai.server.time_per_output_token", "s", "Between two tokens of an answer, the first aside.", advice: new() { HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5] });
        tokens = meter.CreateHistogram<long>("gen_ai.client.token.usage", "{token}", "Tokens of prompts and of answers.", advice: new() { HistogramBucketBoundaries = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536] });
        responses = meter.CreateCounter<long>("ingot.server.responses", "{response}", "Responses by status.");
        meter.CreateObservableGauge("ingot.server.queue.waiting", () => models.All.Select(m => new Measurement<int>(m.Loop.Waiting, Model(m.Name))), "{text}", "Texts that wait for a slot.");
        meter.CreateObservableGauge("ingot.server.queue.running", () => models.All.Select(m => new Measurement<int>(m.Loop.Running, Model(m.Name))), "{text}", "Texts that are being written.");
        meter.CreateObservableGauge("process.memory.usage", () => Environment.WorkingSet, "By", "Working set.");
    }

    public Meter Meter => meter;

    /// <summary>A request has come.</summary>
    /// <param name="operation">By the conventions: "chat", "text_completion", "embeddings".</param>
    /// <param name="model">One that exists, so that callers cannot invent series.</param>
    public Request Begin(string operation, string model) => new(this, operation, model);

    /// <summary>A response was sent.</summary>
    public void Count(string route, int status) => responses.Add(1, new("http.route", route), new("http.response.status_code", status));

    public void Dispose() => meter.Dispose();

    static KeyValuePair<string, object?> Model(string name) => new("gen_ai.request.model", name);

    /// <summary>A request that is being answered.</summary>
    public sealed class Request(ServerMetrics metrics, string operation, string model) : IDisposable
    {
        readonly long start = Stopwatch.GetTimestamp();
        double first = -1;
        bool isGood;

        TagList Tags => new() { { "gen_ai.operation.name", operation }, { "gen_ai.provider.name", "ingot" }, { "gen_ai.request.model", model } };

        /// <summary>Notes when the first piece comes.</summary>
        public async IAsyncEnumerable<T> Watch<T>(IAsyncEnumerable<T> pieces, [EnumeratorCancellation] CancellationToken cancellation = default)
        {
            await foreach (var piece in pieces.WithCancellation(cancellation))
            {
                if (first < 0) metrics.firstToken.Record(first = Stopwatch.GetElapsedTime(start).TotalSeconds, Tags);
                yield return piece;
            }
        }

        /// <summary>The answer was given.</summary>
        /// <param name="prompt">Tokens.</param>
        /// <param name="generated">Tokens.</param>
        public void End(int prompt, int generated)
        {
            isGood = true;
            var tags = Tags;
            tags.Add("gen_ai.token.type", "input");
            metrics.tokens.Record(prompt, tags);
            if (generated == 0) return;
            tags = Tags;
            tags.Add("gen_ai.token.type", "output");
            metrics.tokens.Record(generated, tags);
            if (generated > 1 && first >= 0) metrics.perToken.Record((Stopwatch.GetElapsedTime(start).TotalSeconds - first) / (generated - 1), Tags);
        }

        public void Dispose()
        {
            var tags = Tags;
            if (!isGood) tags.Add("error.type", "_OTHER");
            metrics.duration.Record(Stopwatch.GetElapsedTime(start).TotalSeconds, tags);
        }
    }
}
