using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace Ingot.Server;

/// <summary>Listens to a meter and writes what it measured in Prometheus' text format: the counters and histograms so far, gauges as they are.</summary>
sealed class PrometheusText : IDisposable
{
    sealed class Series(int buckets)
    {
        public double Sum;
        public long Count;
        public readonly long[] Buckets = new long[buckets]; // each bound's own; they are added up when written
    }

    readonly MeterListener listener = new();
    readonly Lock gate = new();
    readonly SortedDictionary<string, (Instrument Instrument, SortedDictionary<string, Series> Series)> instruments = new(StringComparer.Ordinal);

    public PrometheusText(Meter meter)
    {
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Meter != meter) return;
            lock (gate) instruments[NameOf(instrument)] = (instrument, new(StringComparer.Ordinal));
            l.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<int>((i, v, tags, _) => Note(i, v, tags));
        listener.SetMeasurementEventCallback<long>((i, v, tags, _) => Note(i, v, tags));
        listener.SetMeasurementEventCallback<double>((i, v, tags, _) => Note(i, v, tags));
        listener.Start();
    }

    void Note(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var labels = Labels(tags);
        lock (gate)
        {
            if (!instruments.TryGetValue(NameOf(instrument), out var known)) return;
            var bounds = Bounds(instrument);
            if (!known.Series.TryGetValue(labels, out var series)) known.Series[labels] = series = new(bounds.Count);
            series.Count++;
            series.Sum = instrument.IsObservable ? value : series.Sum + value;
            for (int i = 0; i < bounds.Count; i++)
            {
                if (value > bounds[i]) continue;
                series.Buckets[i]++;
                break;
            }
        }
    }

    /// <summary>Everything as text.</summary>
    public string Write()
    {
        listener.RecordObservableInstruments();
        var text = new StringBuilder();
        lock (gate)
        {
            foreach (var (name, (instrument, all)) in instruments)
            {
                bool isHistogram = instrument.GetType().GetGenericTypeDefinition() == typeof(Histogram<>);
                text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {instrument.Description}\n# TYPE {name} {(isHistogram ? "histogram" : instrument.IsObservable ? "gauge" : "counter")}\n");
                foreach (var (labels, series) in all)
                {
                    if (!isHistogram)
                    {
                        text.Append(CultureInfo.InvariantCulture, $"{name}{Braced(labels)} {series.Sum:R}\n");
                        continue;
                    }
                    long below = 0;
                    var bounds = Bounds(instrument);
                    for (int i = 0; i < bounds.Count; i++) text.Append(CultureInfo.InvariantCulture, $"{name}_bucket{Braced(Joined(labels, $"le=\"{bounds[i].ToString("R", CultureInfo.InvariantCulture)}\""))} {below += series.Buckets[i]}\n");
                    text.Append(CultureInfo.InvariantCulture, $"{name}_bucket{Braced(Joined(labels, "le=\"+Inf\""))} {series.Count}\n{name}_sum{Braced(labels)} {series.Sum:R}\n{name}_count{Braced(labels)} {series.Count}\n");
                }
            }
        }
        return text.ToString();
    }

    static IReadOnlyList<double> Bounds(Instrument instrument) => instrument switch
    {
        Histogram<double> h => h.Advice?.HistogramBucketBoundaries ?? [],
        Histogram<long> h => [.. (h.Advice?.HistogramBucketBoundaries ?? []).Select(b => (double)b)],
        _ => [],
    };

    /// <summary>By OpenTelemetry's rules: dots become underlines, the unit and "total" are put behind.</summary>
    static string NameOf(Instrument instrument)
    {
        var name = instrument.Name.Replace('.', '_');
        if (instrument.Unit switch { "s" => "_seconds", "By" => "_bytes", _ => "" } is { Length: > 0 } unit && !name.EndsWith(unit, StringComparison.Ordinal)) name += unit;
        return instrument.GetType().GetGenericTypeDefinition() == typeof(Counter<>) ? name + "_total" : name;
    }

    static string Labels(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var text = new StringBuilder();
        foreach (var (name, value) in tags)
        {
            if (text.Length > 0) text.Append(',');
            var shown = string.Create(CultureInfo.InvariantCulture, $"{value}").Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
            text.Append(name.Replace('.', '_')).Append("=\"").Append(shown).Append('"');
        }
        return text.ToString();
    }

    static string Joined(string labels, string more) => labels.Length == 0 ? more : $"{labels},{more}";

    static string Braced(string labels) => labels.Length == 0 ? "" : $"{{{labels}}}";

    public void Dispose() => listener.Dispose();
}
