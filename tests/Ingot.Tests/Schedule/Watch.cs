using Ingot.Runtime;
using Ingot.Schedule;

namespace Ingot.Tests.Schedule;

/// <summary>Settings as a test wants them, from an empty cache of plans and kernels, until it ends; what is printed meanwhile.</summary>
sealed class Watch : IDisposable
{
    readonly (int Debug, int Graph, int Verify, int Check) before = (Settings.Debug, Settings.Graph, Settings.Verify, Settings.Check);
    readonly TextWriter output = Observe.Output;
    readonly StringWriter text = new();

    public Watch(int debug = 0, int graph = 0, int verify = 0, int check = 0)
    {
        (Settings.Debug, Settings.Graph, Settings.Verify, Settings.Check) = (debug, graph, verify, check);
        Observe.Output = text;
        Realizer.Clear();
    }

    public string Text => text.ToString();

    public string[] Lines => Text.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public void Dispose()
    {
        (Settings.Debug, Settings.Graph, Settings.Verify, Settings.Check) = before;
        Observe.Output = output;
        Realizer.Clear();
    }
}
