using System.Reflection.Emit;
using Ingot.Codegen.X64;

namespace Ingot.Codegen.Il;

/// <summary>
/// Code of kernels that differ in sizes alone, as those of one model at texts of many lengths do. A kernel is written down first. If what was written before, for the same
/// place of the program, is the same but for 64-bit constants (extents, strides, offsets), one code serves both: constants that differed become arguments of the launch.
/// </summary>
/// <remarks>
/// That is right by construction: a kernel of the family is its own instructions with its own numbers, only that some come from memory. The first of a family has all numbers in its code.
/// Used under the realiser's lock.
/// </remarks>
sealed class CodeFamily
{
    /// <summary>More sizes than this are not worth it: they would take the registers.</summary>
    const int MostSizes = 64;

    [ThreadStatic]
    static CodeFamily? current;

    /// <summary>The family that kernels compiled on this thread belong to; null: none, each is compiled for itself.</summary>
    public static CodeFamily? Current => current;

    readonly Dictionary<(int Place, int Phase, int Skeleton), List<Shared>> known = [];

    /// <summary>Kernels compiled on this thread until the end belong to a family.</summary>
    /// <param name="family">Null: to none.</param>
    public static Scope Enter(CodeFamily? family) => new(family);

    public readonly ref struct Scope
    {
        readonly CodeFamily? before;

        public Scope(CodeFamily? family) => (before, current) = (current, family);

        public void Dispose() => current = before;
    }

    /// <summary>Code for several sizes.</summary>
    sealed class Shared
    {
        public required IlInstruction[] Instructions;
        public MatrixCode? Unit;
        public required IlCompilation Code;

        /// <summary>For each instruction, which of the sizes it is; -1: it is the same in all.</summary>
        public required int[] SizeOf;
        public int Sizes;
    }

    /// <summary>A phase's code, compiled only if there is none for other sizes.</summary>
    /// <param name="written">The phase, written down.</param>
    /// <param name="unit">What the code is bound to.</param>
    /// <param name="name">For listings.</param>
    /// <param name="place">Where in the program it is: what is there at other sizes is the same kernel.</param>
    /// <param name="phase">Number of the phase in its kernel.</param>
    /// <param name="isNew">Whether something was compiled.</param>
    /// <returns>The code, and its sizes (null: none).</returns>
    public (IlCompilation Code, long[]? Sizes) Of(IlRecording written, MatrixCode? unit, string name, int place, int phase, out bool isNew)
    {
        var mine = written.Instructions;
        var key = (place, phase, written.Skeleton());
        if (!known.TryGetValue(key, out var list)) known[key] = list = [];
        isNew = false;
        Shared? like = null;
        foreach (var shared in list)
        {
            if (!IsLike(shared.Instructions, mine)) continue;
            if (Sizes(shared, mine) is { } sizes) return (shared.Code, shared.Sizes > 0 ? sizes : null);
            like = shared;
        }
        isNew = true;
        var (sizeOf, count) = like is null ? (NoSizes(mine.Length), 0) : Differences(like, mine);
        if (count > MostSizes) (sizeOf, count) = (NoSizes(mine.Length), 0);
        var made = Compile(mine.ToArray(), sizeOf, count, unit, name, phase);
        if (like is not null && count > 0) list.Remove(like);
        list.Add(made);
        return (made.Code, count > 0 ? Sizes(made, mine) : null);
    }

    static int[] NoSizes(int length)
    {
        var none = new int[length];
        Array.Fill(none, -1);
        return none;
    }

    static bool IsLike(ReadOnlySpan<IlInstruction> a, ReadOnlySpan<IlInstruction> b)
    {
        if (a.Length != b.Length) return false;
        for (int i = 0; i < a.Length; i++)
            if (a[i].Code != b[i].Code || a[i].Kind != b[i].Kind || (a[i].Number != b[i].Number && !a[i].IsSize) || !Equals(a[i].Object, b[i].Object)) return false;
        return true;
    }

    /// <summary>The numbers to give to the code; null if it does not serve these instructions.</summary>
    static long[]? Sizes(Shared shared, ReadOnlySpan<IlInstruction> mine)
    {
        var sizes = new long[shared.Sizes];
        var isSet = new bool[shared.Sizes];
        for (int i = 0; i < mine.Length; i++)
        {
            if (!mine[i].IsSize) continue;
            int size = shared.SizeOf[i];
            if (size < 0)
            {
                if (mine[i].Number != shared.Instructions[i].Number) return null;
                continue;
            }
            if (isSet[size] && sizes[size] != mine[i].Number) return null;
            (sizes[size], isSet[size]) = (mine[i].Number, true);
        }
        return sizes;
    }

    /// <summary>What has to be a size so that one code serves both: numbers that are equal wherever they stand, in the one and in the other, are one size.</summary>
    static (int[] SizeOf, int Count) Differences(Shared shared, ReadOnlySpan<IlInstruction> mine)
    {
        var numbered = new Dictionary<(int Was, long Before, long Now, object? Name), int>();
        var sizeOf = NoSizes(mine.Length);
        for (int i = 0; i < mine.Length; i++)
        {
            if (!mine[i].IsSize) continue;
            var (was, before, now) = (shared.SizeOf[i], shared.Instructions[i].Number, mine[i].Number);
            if (was < 0 && before == now && mine[i].Object is null) continue; // what has a name will be another number some day
            var one = (was, was < 0 ? before : 0, now, mine[i].Object);
            if (!numbered.TryGetValue(one, out int number)) numbered[one] = number = numbered.Count;
            sizeOf[i] = number;
        }
        return (sizeOf, numbered.Count);
    }

    static Shared Compile(IlInstruction[] instructions, int[] sizeOf, int count, MatrixCode? unit, string name, int phase) => new()
    {
        Instructions = instructions,
        Unit = unit,
        SizeOf = sizeOf,
        Sizes = count,
        Code = IlCompilation.Start(name, unit, il =>
        {
            var sizes = new LocalBuilder[count];
            for (int s = 0; s < count; s++)
            {
                // The word before the launch's arguments, counted from the phase, is where this phase's sizes are.
                il.Emit(OpCodes.Ldarg_1);
                il.Emit(OpCodes.Ldc_I4, -8 * (1 + phase));
                il.Emit(OpCodes.Add);
                il.Emit(OpCodes.Ldind_I8);
                il.Emit(OpCodes.Conv_I);
                il.Emit(OpCodes.Ldc_I4, 8 * s);
                il.Emit(OpCodes.Add);
                il.Emit(OpCodes.Ldind_I8);
                il.Emit(OpCodes.Stloc, sizes[s] = il.DeclareLocal(typeof(long)));
            }
            IlRecording.Replay(instructions, il, i => sizeOf[i] is >= 0 and var s ? sizes[s] : null);
        }),
    };
}
