using Ingot.Nn;
using Ingot.Runtime;
using Ingot.Schedule;
using Ingot.Tests.Runtime;

namespace Ingot.Tests;

/// <summary>Mistakes in the user's program: one message with the numbers in it, the line where it helps, and nothing left half done.</summary>
[Collection(nameof(ProcessWide))]
public sealed class ErrorTests : IDisposable
{
    readonly long? memory = Settings.Memory;

    public void Dispose() => Settings.Memory = memory;

    [Fact]
    public void Broadcast_OfShapesThatDoNotFit_NamesBoth()
    {
        var message = Should.Throw<ShapeException>(() => Tensor.Ones(3, 4) + Tensor.Ones(5)).Message;
        message.ShouldContain("(3, 4)");
        message.ShouldContain("(5,)");
    }

    [Fact]
    public void Matmul_OfShapesThatDoNotFit_NamesBothAndTheDimensions()
    {
        var message = Should.Throw<ShapeException>(() => Tensor.Ones(3, 4).Matmul(Tensor.Ones(5, 6))).Message;
        message.ShouldContain("(3, 4)");
        message.ShouldContain("(5, 6)");
        message.ShouldContain("4 and 5");
    }

    [Fact]
    public void Assign_OfAnotherDType_NamesBoth()
    {
        var message = Should.Throw<DTypeException>(() => Tensor.Ones(3).Assign(Tensor.Arange(3))).Message;
        message.ShouldContain("i32");
        message.ShouldContain("f32");
    }

    [Fact]
    public void Index_ThatIsConstant_FailsWhereItIsWritten()
    {
        var message = Should.Throw<TensorIndexException>(() => Tensor.Ones(3, 4)[7]).Message;
        message.ShouldContain("7");
        message.ShouldContain("(3, 4)");
    }

    static string LineOf(string text, [System.Runtime.CompilerServices.CallerFilePath] string file = "") =>
        $"{Path.GetFileName(file)}:{Array.FindIndex(File.ReadAllLines(file), l => l.Contains(text, StringComparison.Ordinal) && !l.Contains(nameof(LineOf), StringComparison.Ordinal)) + 1}";

    [Fact]
    public void Index_ThatIsData_NamesIndexDimensionAndTheLineThatBuiltIt()
    {
        var index = Tensor.From([0, 7, 1]);
        var rows = Tensor.Ones(3, 4).Realize();
        var first = rows.IndexSelect(0, index); // first
        var second = rows.IndexSelect(0, index + 0 * rows.Size(0)); // second
        var message = Should.Throw<TensorIndexException>(() => (first * 2).Realize()).Message;
        message.ShouldContain("index 7 ");
        message.ShouldContain("dimension of 3");
        message.ShouldContain("(3, 4)");
        message.ShouldContain(LineOf("; // first"));
        Should.Throw<TensorIndexException>(() => (second * 2).Realize()).Message.ShouldContain(LineOf("; // second"));
    }

    /// <summary>Equal graphs share a plan; the line in the message is still that of the graph that failed.</summary>
    [Fact]
    public void Index_InAGraphWhosePlanIsKnown_NamesTheLineOfThisGraph()
    {
        var rows = Tensor.Rand(5, 4).Realize();
        rows.IndexSelect(0, Tensor.From([0, 1])).Realize(); // good
        int plans = Realizer.PlansMade;
        var bad = rows.IndexSelect(0, Tensor.From([0, 99])); // bad
        Should.Throw<TensorIndexException>(() => bad.Realize()).Message.ShouldContain(LineOf("; // bad"));
        Realizer.PlansMade.ShouldBe(plans);
    }

    [Fact]
    public void Realize_ThatFails_LeavesItsTargetsToBeComputedAgain()
    {
        var x = Tensor.Rand(100).Realize();
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        var y = x * 3 + 1;
        Should.Throw<OperationCanceledException>(() => y.Realize(cancelled.Token));
        Realizer.BufferOrNull(y.Node).ShouldBeNull();
        y.ToArray<float>().ShouldBe(x.ToArray<float>().Select(v => v * 3 + 1), 1e-6);
    }

    [Fact]
    public void OptimizerStep_WithABadIndex_LeavesTheTrainingUsable()
    {
        var table = Tensor.Randn(10, 4).WithGrad();
        var optimizer = new AdamW([table], 0.1);
        var before = table.ToArray<float>();
        void Step(params int[] tokens)
        {
            optimizer.ZeroGrad();
            Tensor.From(tokens).Embedding(table).Square().Sum().Backward();
            optimizer.Step();
        }
        Should.Throw<TensorIndexException>(() => Step(1, 12)).Message.ShouldContain("index 12 ");
        optimizer.Steps.ShouldBe(0);
        table.ToArray<float>().ShouldBe(before);
        Step(1, 2);
        optimizer.Steps.ShouldBe(1);
        table.ToArray<float>()[..4].ShouldNotBe(before[4..8]);
    }

    /// <summary>The kernel that meets the bad index runs after the assignment, which it reads.</summary>
    [Fact]
    public void BadIndex_FoundAfterAnAssignment_LeavesTheOldValues()
    {
        var x = Tensor.From([1f, 2, 3, 4]).Realize();
        var other = Tensor.From([5f, 6]).Realize();
        x.Own();
        other.Own();
        var (memory, otherMemory) = (x.Detach(), other.Detach());
        x.Assign(x.CumSum(0));
        other.Assign(other * 10);
        var picked = x.IndexSelect(0, Tensor.From([0, 9]));
        Should.Throw<TensorIndexException>(() => Tensor.Realize(x, other, picked)).Message.ShouldContain("index 9 ");
        memory.ToArray<float>().ShouldBe([1, 2, 3, 4]);
        otherMemory.ToArray<float>().ShouldBe([5, 6]);
        Tensor.Realize(x, other); // without the bad one
        x.ToArray<float>().ShouldBe([1, 3, 6, 10]);
        other.ToArray<float>().ShouldBe([50, 60]);
    }

    /// <summary>One kernel gathers and assigns: most of it has been written when some chunk meets the bad index.</summary>
    [Fact]
    public void BadIndex_InTheKernelThatAssigns_LeavesTheOldValues()
    {
        const int n = 100_000;
        var x = Tensor.Zeros(n).Realize();
        x.Own();
        var memory = x.Detach();
        var table = Tensor.Rand(10).Realize() + 1;
        var index = new int[n];
        index[n - 1] = -11;
        x.Assign(table.Realize().IndexSelect(0, Tensor.From(index)));
        Should.Throw<TensorIndexException>(() => x.Realize()).Message.ShouldContain("dimension of 10");
        Realizer.LastPlan!.OldBytes.ShouldBe(n * sizeof(float));
        memory.ToArray<float>().ShouldAllBe(v => v == 0);
    }

    /// <summary>What does not depend on the assignment is looked up before it, so that nothing needs to be kept.</summary>
    [Fact]
    public void Assignments_ThatNeedNotComeFirst_WaitForEveryCheckedIndex()
    {
        Tensor x = Tensor.Rand(64).Realize(), table = Tensor.Rand(10, 8).Realize();
        x.Own();
        var memory = x.Detach();
        var before = x.ToArray<float>();
        x.Assign(x * 2);
        // Several kernels deep, so that in order of depth the assignment would come long before.
        var late = table.Softmax(-1).Matmul(table.Transpose(0, 1)).Softmax(0).IndexSelect(0, Tensor.From([3, 77]));
        Should.Throw<TensorIndexException>(() => Tensor.Realize(x, late)).Message.ShouldContain("index 77 ");
        Realizer.LastPlan!.OldBytes.ShouldBe(0);
        memory.ToArray<float>().ShouldBe(before);
        x.ToArray<float>().ShouldBe(before.Select(v => v * 2));
    }

    [Fact]
    public void OptimizerStep_Cancelled_AssignsNothing()
    {
        Tensor weight = Tensor.Randn(8, 4).WithGrad();
        var optimizer = new AdamW([weight], 0.1);
        var before = weight.ToArray<float>();
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Tensor.Randn(5, 4).Linear(weight).Square().Sum().Backward();
        Should.Throw<OperationCanceledException>(() => optimizer.Step(0, cancellation: cancelled.Token));
        weight.ToArray<float>().ShouldBe(before);
        optimizer.Step();
        weight.ToArray<float>().ShouldNotBe(before);
    }

    [Fact]
    public void OutOfMemory_SaysWhatTheComputationTakes_AndChangesNothing()
    {
        const int n = 512;
        Tensor x = Tensor.Rand(n, n).Realize(), weight = Tensor.Rand(n, n).WithGrad();
        var optimizer = new AdamW([weight], 0.1);
        var before = weight.ToArray<float>();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Settings.Memory = MemoryPool.BytesInUse + 100_000;
        x.Matmul(weight).Tanh().Matmul(weight).Square().Mean().Backward();
        var message = Should.Throw<OutOfMemoryException>(() => optimizer.Step()).Message;
        message.ShouldContain("of temporaries");
        message.ShouldContain("of results");
        message.ShouldContain($"{(2 + 2) * n * n * sizeof(float):N0} of tensors it reads"); // x, weight and its moments
        message.ShouldContain("INGOT_MEMORY");
        Settings.Memory = memory;
        weight.ToArray<float>().ShouldBe(before);
        optimizer.Step();
        weight.ToArray<float>().ShouldNotBe(before);
    }

    [Fact]
    public void OutOfMemory_InAnOrdinaryRealize_LeavesEverythingUsable()
    {
        Tensor x = Tensor.Rand(300, 1000).Realize();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        long inUse = MemoryPool.BytesInUse;
        Settings.Memory = inUse + 500_000;
        Tensor y = x * 2, z = y.CumSum(0);
        Should.Throw<OutOfMemoryException>(() => Tensor.Realize(y, z));
        Realizer.BufferOrNull(y.Node).ShouldBeNull();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        MemoryPool.BytesInUse.ShouldBeLessThanOrEqualTo(inUse); // what had been taken was given back
        Settings.Memory = memory;
        Tensor.Realize(y, z);
        z[0].ToArray<float>().ShouldBe(x[0].ToArray<float>().Select(v => v * 2));
    }

    static string MessageOf(Func<Tensor> bad) => Should.Throw<TensorIndexException>(() => bad().Realize()).Message;

    [Fact]
    public void Index_OverSeveralDimensions_NamesTheIndexItsDimensionAndTheShape()
    {
        var x = Tensor.Rand(2, 3).Realize();
        var src = Tensor.Ones(2, 1);
        Tensor rows = Tensor.From([0, 1]), seven = Tensor.From([1, 7]), column = Tensor.From(new[,] { { 2 }, { 7 } });
        string[] messages =
        [
            MessageOf(() => x[rows, seven]),
            MessageOf(() => { var y = x * 1; y[rows, seven] = 5; return y; }),
            MessageOf(() => x.Gather(1, column)),
            MessageOf(() => x.Scatter(1, column, src)),
            MessageOf(() => x.ScatterAdd(1, column, src)),
            MessageOf(() => { var y = x * 1; y[.., seven] = 5; return y; }),
        ];
        foreach (string message in messages)
        {
            message.ShouldContain("index 7 is out of range for a dimension of 3");
            message.ShouldContain("ErrorTests.cs:");
            message.ShouldContain("for dimension 1 of f32(2, 3)");
        }
        MessageOf(() => x[Tensor.From([-9]), rows]).ShouldContain("index -9 is out of range for a dimension of 2");
        MessageOf(() => x[Tensor.From([-9])]).ShouldContain("index -9 is out of range for a dimension of 2");
        MessageOf(() => x[Tensor.From([long.MinValue])]).ShouldContain($"index {long.MinValue} ");
        x[Tensor.From([-2]), Tensor.From([-3])].ToArray<float>().ShouldBe([x[0, 0].Item<float>()]);
    }

    /// <summary>Nothing of the index is needed for the values, but it is as wrong as another.</summary>
    [Fact]
    public void Index_IntoValuesThatDoNotVary_IsCheckedAllTheSame()
    {
        var five = Tensor.From([5]);
        MessageOf(() => five.Embedding(Tensor.Ones(3, 2))).ShouldContain("index 5 ");
        MessageOf(() => Tensor.Zeros(3)[five]).ShouldContain("index 5 ");
        MessageOf(() => Tensor.Zeros(3, 4)[five, five]).ShouldContain("index 5 ");
        MessageOf(() => Tensor.Zeros(3).IndexSelect(0, five)).ShouldContain("index 5 ");
        MessageOf(() => Tensor.Zeros(3).Gather(0, five)).ShouldContain("index 5 ");
        MessageOf(() => (Tensor.Rand(1, 2).Expand(3, 2) * 2)[five]).ShouldContain("index 5 ");
        MessageOf(() => Tensor.Rand(2, 1).Expand(2, 3).Permute(1, 0)[five]).ShouldContain("index 5 ");
        MessageOf(() => Tensor.Rand(1, 2).Realize()[five]).ShouldContain("index 5 ");
        MessageOf(() => Tensor.Rand(1, 2).Realize()[five, five]).ShouldContain("index 5 ");
        MessageOf(() => five.Embedding(Tensor.Rand(1, 2).Realize())).ShouldContain("index 5 ");
        Tensor.From([2, 0]).Embedding(Tensor.Ones(3, 2)).ToArray<float>().ShouldBe([1, 1, 1, 1]);
    }
}
