using Ingot.Codegen;
using Ingot.Kernels;

namespace Ingot.Schedule;

/// <summary>VERIFY=1: every launch is computed by the <see cref="KernelInterpreter"/> as well, from the same memory.</summary>
sealed partial class Plan
{
    /// <summary>Whether the plan was made under VERIFY=1 and so knows what its kernels should compute.</summary>
    public bool IsVerifiable => launches.TrueForAll(l => l.Instances.TrueForAll(i => i.Reference is not null));

    /// <summary>Recipes change a kernel in place.</summary>
    internal static KernelAst Copy(KernelAst k) => new()
    {
        Name = k.Name,
        Outer = [.. k.Outer],
        Steps = k.Steps.ConvertAll(s => s with { Inner = [.. s.Inner], Stores = [.. s.Stores] }),
        Slots = [.. k.Slots],
        IsRowBlock = k.IsRowBlock,
        Mask = k.Mask,
    };

    /// <summary>Runs a launch in the interpreter, before it runs; instances do not depend on each other.</summary>
    List<KernelInterpreter> Expect(Launch launch, IReadOnlyList<long> scalars) =>
        launch.Instances.ConvertAll(i => KernelInterpreter.Run(i.Reference!, [.. i.Buffers.Select(b => (addresses[b], buffers[b].Shape.Count))], Array.ConvertAll(i.Scalars, s => scalars[s])));

    /// <exception cref="IngotException">The launch left something else in memory than the interpreter.</exception>
    void Compare(Launch launch, List<KernelInterpreter> expected)
    {
        for (int i = 0; i < expected.Count; i++)
        {
            if (expected[i].FirstDifference() is not { } wrong) continue;
            var buffer = buffers[launch.Instances[i].Buffers[wrong.Slot]];
            throw new IngotException($"VERIFY: kernel {launch.Name}{(expected.Count > 1 ? $" (instance {i} of {expected.Count})" : "")} is wrong: "
                + $"{buffer.DType.Name}{buffer.Shape} element {buffer.Shape.At(wrong.Index)} of its slot {wrong.Slot} is {wrong.Value:R} and should be {wrong.Expected:R} (within {wrong.Bound:G3}). "
                + $"Recipe: {string.Join("; ", launch.Kernel!.Nest.Recipe)}. DEBUG=3 prints the kernel; please report it");
        }
    }
}

static class Places
{
    extension(Shape shape)
    {
        /// <summary>The indices of an element by its row-major position, as the user would write them: [2, 0].</summary>
        public string At(long position)
        {
            var strides = shape.Strides();
            return $"[{string.Join(", ", strides.Select((s, d) => shape[d] == 0 ? 0 : position / s % shape[d]))}]";
        }
    }
}
