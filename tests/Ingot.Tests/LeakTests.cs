using Ingot.Graph;
using Ingot.Nn;
using Ingot.Runtime;
using Ingot.Tests.Runtime;

namespace Ingot.Tests;

/// <summary>Nobody disposes anything, and nothing stays.</summary>
[Collection(nameof(ProcessWide))]
public sealed class LeakTests : IDisposable
{
    readonly bool guard = Settings.Guard;

    public LeakTests() => Settings.Guard = false; // the memory of real runs

    public void Dispose() => Settings.Guard = guard;

    [Fact]
    public void TenThousandSteps_WithoutDispose_KeepMemoryAndNodeCountFlat()
    {
        // Beside the counts: less than a kilobyte a step would pass, of which each step allocates hundreds.
        const long margin = 10L << 20;
        Tensor weight = Tensor.Randn(4, 8).WithGrad(), bias = Tensor.Zeros(4).WithGrad();
        var optimizer = new AdamW([weight, bias], Schedules.Linear(1e-3, 1e-5));
        void Steps(int from, int to)
        {
            for (int i = from; i < to; i++)
            {
                var x = Tensor.Randn(6, 8);
                optimizer.ZeroGrad();
                var loss = x.Linear(weight, bias).Dropout(0.1).Square().Mean();
                loss.Backward();
                optimizer.Step(i / 10000.0);
                if (i % 100 == 0) loss.Item<float>();
            }
        }
        static (long Pool, long Process, long Nodes) Measure()
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            GC.Collect();
            using var process = System.Diagnostics.Process.GetCurrentProcess();
            return (MemoryPool.BytesInUse, process.WorkingSet64, Node.InternedCount);
        }
        Steps(0, 1000);
        var before = Measure();
        Steps(1000, 10000);
        var after = Measure();
        after.Nodes.ShouldBeLessThanOrEqualTo(before.Nodes + 100);
        after.Pool.ShouldBeLessThanOrEqualTo(before.Pool + 4096);
        after.Process.ShouldBeLessThanOrEqualTo(before.Process + margin);
    }
}
