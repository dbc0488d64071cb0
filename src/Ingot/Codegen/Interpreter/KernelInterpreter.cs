using System.Runtime.InteropServices;
using Ingot.Graph;
using Ingot.Kernels;
using Ingot.Runtime;

namespace Ingot.Codegen;

/// <summary>An element that a kernel computed differently from the interpreter.</summary>
/// <param name="Slot">Which of the kernel's buffers.</param>
/// <param name="Index">Flat position in it.</param>
/// <param name="Value">What the kernel stored.</param>
/// <param name="Expected">What the interpreter stored.</param>
/// <param name="Bound">How far apart the two may be.</param>
sealed record WrongElement(int Slot, long Index, double Value, double Expected, double Bound);

/// <summary>
/// What a <see cref="KernelAst"/> means, as plainly as it can be said: loops over a table of scalars. Every operation is computed in double (or 64-bit
/// integers) and rounded to its dtype, as compiled code does. Beside each value runs a bound of how far compiled code may be from it: zero where
/// every order of evaluation gives the same bits, which is all but sums, products and transcendental functions; what follows from those
/// carries their bound on. So a comparison needs no tolerance that someone has to choose.
/// </summary>
sealed class KernelInterpreter
{
    /// <summary>A scalar: F of a floating dtype, I of the others. Error: the bound; infinite where nothing can be said.</summary>
    readonly record struct Scalar(double F, long I, double Error = 0);

    /// <summary>A node with its present value, which holds until a loop variable or a buffer it depends on changes.</summary>
    sealed class Cell(Node node, Cell[] src)
    {
        public readonly Node Node = node;
        public readonly Cell[] Src = src;
        public Clock[] Inputs = [];
        public Scalar Value;
        public long Stamp = -1;
    }

    /// <summary>When something last changed, in ticks of the interpreter.</summary>
    class Clock
    {
        public long Changed;
    }

    sealed class Variable : Clock
    {
        public long Value;
    }

    /// <summary>A buffer; of those the kernel writes, a copy.</summary>
    sealed class Slot(DType dtype, Storage memory, bool isWritten) : Clock
    {
        public readonly DType DType = dtype;
        public readonly Storage Memory = memory;
        public readonly bool IsWritten = isWritten;
        public readonly long Count = memory.Bytes / dtype.Size;
        public double[]? Errors;

        public Scalar this[long i]
        {
            get => Bits.Read(DType, Memory.Span<byte>(i * DType.Size, DType.Size));
            set => Bits.Write(DType, Memory.Span<byte>(i * DType.Size, DType.Size), value);
        }
    }

    readonly KernelAst ast;
    readonly Slot[] slots;
    /// <summary>What the kernel itself will have written, where it does.</summary>
    readonly Slot?[] results;
    readonly long[] scalars;
    readonly Dictionary<Node, Cell> cells = new(ReferenceEqualityComparer.Instance);
    readonly Dictionary<Node, Variable> variables = new(ReferenceEqualityComparer.Instance);
    readonly FreeRanges free = new();
    long tick;

    /// <summary>Computes what a kernel will do to its buffers, before it runs; the buffers stay as they are.</summary>
    /// <param name="ast">The kernel.</param>
    /// <param name="buffers">Address and number of elements of each launch slot, in order.</param>
    /// <param name="scalars">Bits of each scalar argument.</param>
    public static KernelInterpreter Run(KernelAst ast, IReadOnlyList<(nint Address, long Count)> buffers, long[] scalars)
    {
        var run = new KernelInterpreter(ast, buffers, scalars);
        run.Loops(ast.Outer, 0, () =>
        {
            foreach (var step in ast.Steps) run.Execute(step);
        });
        return run;
    }

    KernelInterpreter(KernelAst ast, IReadOnlyList<(nint Address, long Count)> buffers, long[] scalars)
    {
        (this.ast, this.scalars) = (ast, scalars);
        var written = ast.Steps.SelectMany(s => s.Stores).Select(s => s.Slot).ToHashSet();
        slots = new Slot[ast.Slots.Count];
        results = new Slot?[ast.Slots.Count];
        for (int i = 0; i < slots.Length; i++)
        {
            var t = ast.Slots[i].DType;
            if (i >= buffers.Count) { slots[i] = new(t, Storage.Allocate(ast.Slots[i].ScratchElements * t.Size), true); continue; }
            long bytes = buffers[i].Count * t.Size;
            var memory = new BorrowedStorage(buffers[i].Address, bytes);
            if (!written.Contains(i)) { slots[i] = new(t, memory, false); continue; }
            results[i] = new(t, memory, true);
            slots[i] = new(t, Storage.Allocate(bytes), true);
            memory.Span<byte>().CopyTo(slots[i].Memory.Span<byte>());
        }
    }

    /// <summary>The first element in which the buffers, after the kernel ran, are not what they should be; null if there is none.</summary>
    public WrongElement? FirstDifference()
    {
        for (int s = 0; s < slots.Length; s++)
        {
            if (results[s] is not { } result) continue;
            for (long i = 0; i < result.Count; i++)
            {
                double bound = slots[s].Errors?[i] ?? 0;
                if (double.IsPositiveInfinity(bound)) continue;
                Scalar a = result[i], b = slots[s][i];
                bool same = a.I == b.I && (a.F == b.F || Math.Abs(a.F - b.F) <= bound || (double.IsNaN(a.F) && double.IsNaN(b.F)));
                if (!same) return result.DType.IsFloat ? new(s, i, a.F, b.F, bound) : new(s, i, a.I, b.I, 0);
            }
        }
        return null;
    }

    // ---- loops ----

    void Loops(IReadOnlyList<Node> ranges, int from, Action body)
    {
        if (from == ranges.Count) { body(); return; }
        long extent = Ir.Extent(ranges[from]);
        var variable = VariableOf(ranges[from]);
        for (long i = 0; i < extent; i++)
        {
            Set(variable, i);
            Loops(ranges, from + 1, body);
        }
    }

    void Set(Variable v, long value) => (v.Value, v.Changed) = (value, ++tick);

    void Execute(Step step)
    {
        var values = new Scalar[step.Stores.Count];
        var places = new long[step.Stores.Count];
        if (step.Running is { } op)
        {
            Loops(step.Inner[..^1], 0, () =>
            {
                var total = new Total(op, step.Stores[0].Value.DType);
                Loops(step.Inner[^1..], 0, () =>
                {
                    total.Add(Eval(CellOf(step.Stores[0].Value)));
                    Store(step.Stores[0], Eval(CellOf(step.Stores[0].Index)).I, total.Value);
                });
            });
            return;
        }
        Loops(step.Inner, 0, () =>
        {
            // All values first: a buffer that one store overwrites may be read by another.
            for (int i = 0; i < values.Length; i++)
            {
                var index = Eval(CellOf(step.Stores[i].Index));
                places[i] = index.I;
                values[i] = Eval(CellOf(step.Stores[i].Value));
                if (index.Error > 0) values[i] = values[i] with { Error = double.PositiveInfinity };
            }
            for (int i = 0; i < values.Length; i++) Store(step.Stores[i], places[i], values[i]);
        });
    }

    void Store(StoreSpec s, long index, Scalar value)
    {
        var slot = slots[s.Slot];
        if (s.DType.IsFloat && s.Value.DType != s.DType) value = Rounded(s.DType, value.F, value.Error);
        slot[index] = value;
        if (value.Error > 0) slot.Errors ??= new double[slot.Count];
        if (slot.Errors is { } errors) errors[index] = value.Error;
        slot.Changed = ++tick;
    }

    // ---- expressions ----

    Variable VariableOf(Node range)
    {
        if (!variables.TryGetValue(range, out var v)) variables[range] = v = new();
        return v;
    }

    Cell CellOf(Node root)
    {
        if (cells.TryGetValue(root, out var known)) return known;
        foreach (var n in Build.TopologicalOrder([root], cells.ContainsKey))
        {
            if (cells.ContainsKey(n)) continue;
            var cell = new Cell(n, Array.ConvertAll(n.src, s => cells[s]));
            var inputs = new HashSet<Clock>(free.Of(n).Select(VariableOf));
            foreach (var s in cell.Src) inputs.UnionWith(s.Inputs.OfType<Slot>());
            if (n is { Op: Op.Load, Arg: BufferSlot b } && slots[b.Slot].IsWritten) inputs.Add(slots[b.Slot]);
            cell.Inputs = [.. inputs];
            cells[n] = cell;
        }
        return cells[root];
    }

    Scalar Eval(Cell c)
    {
        long newest = 0;
        foreach (var i in c.Inputs) newest = Math.Max(newest, i.Changed);
        if (c.Stamp >= newest) return c.Value;
        c.Value = Compute(c);
        c.Stamp = tick; // a fold inside has moved the clock on
        return c.Value;
    }

    Scalar Compute(Cell c)
    {
        var n = c.Node;
        switch (n.Op)
        {
            case Op.Const: return n.DType.IsFloat ? new(n.Const!.Value, 0) : new(0, n.IntConst!.Value);
            case Op.Arg: return Argument(n.DType, scalars[((SlotArg)n.Arg!).Slot]);
            case Op.Range: return new(0, variables[n].Value);
            case Op.Load: return Load(c, slots[((BufferSlot)n.Arg!).Slot]);
            case Op.CheckIndex: return Eval(c.Src[0]) is { I: >= 0 } row && row.I < ((CheckArg)n.Arg!).Extent ? row : new(0, 0);
            case Op.Fold:
                var total = new Total(Ir.FoldKind(n), n.DType);
                Loops(n.src[1..], 0, () => total.Add(Eval(c.Src[0])));
                return total.Value;
            case Op.Where: return Select(c);
            case Op.Cast: return Cast(c.Src[0].Node.DType, n.DType, Eval(c.Src[0]));
            case Op.Bitcast:
                var x = Eval(c.Src[0]);
                return Bits.Reinterpret(c.Src[0].Node.DType, n.DType, x) with { Error = x.Error > 0 ? double.PositiveInfinity : 0 };
            default: return Elementwise(n, Eval(c.Src[0]), c.Src.Length > 1 ? Eval(c.Src[1]) : default, c.Src.Length > 2 ? Eval(c.Src[2]) : default);
        }
    }

    static Scalar Argument(DType t, long bits) => t switch
    {
        DType.F64 => new(BitConverter.Int64BitsToDouble(bits), 0),
        _ when t.IsFloat => new(BitConverter.Int32BitsToSingle((int)bits), 0),
        _ => new(0, Numbers.Wrap(t, bits)),
    };

    Scalar Load(Cell c, Slot slot)
    {
        var valid = c.Src.Length > 1 ? Eval(c.Src[1]) : new Scalar(0, 1);
        var index = Eval(c.Src[0]);
        double unsure = valid.Error + index.Error > 0 ? double.PositiveInfinity : 0;
        if (valid.I == 0) return new(0, 0, unsure);
        if (index.I < 0 || index.I >= slot.Count) throw new InvalidOperationException($"kernel {ast.Name} reads element {index.I} of a buffer of {slot.Count}");
        return slot[index.I] with { Error = Math.Max(unsure, slot.Errors?[index.I] ?? 0) };
    }

    Scalar Select(Cell c)
    {
        var condition = Eval(c.Src[0]);
        var chosen = Eval(c.Src[condition.I != 0 ? 1 : 2]);
        if (condition.Error == 0) return chosen;
        var other = Eval(c.Src[condition.I != 0 ? 2 : 1]);
        if (chosen.F == other.F && chosen.I == other.I) return chosen with { Error = Math.Max(chosen.Error, other.Error) };
        return chosen with { Error = c.Node.DType.IsFloat ? Known(Math.Max(chosen.Error, other.Error) + Math.Abs(chosen.F - other.F)) : double.PositiveInfinity };
    }

    static Scalar Cast(DType from, DType to, Scalar x)
    {
        if (to.IsFloat) return from.IsFloat ? Rounded(to, x.F, x.Error) : Rounded(to, from == DType.U64 ? (ulong)x.I : x.I, x.Error);
        if (!from.IsFloat) return new(0, Numbers.Wrap(to, x.I), x.Error);
        if (to == DType.Bool) return new(0, x.F != 0 ? 1 : 0, x.Error > 0 && Math.Abs(x.F) <= x.Error ? double.PositiveInfinity : 0);
        // Beyond the integers' range machines differ.
        bool fits = Math.Abs(x.F) < Math.ScaleB(1, 8 * to.Size - 1) && (x.F >= 0 || !to.IsUnsigned);
        bool sure = fits && Math.Truncate(x.F - x.Error) == Math.Truncate(x.F + x.Error);
        return new(0, to == DType.U64 ? (long)(ulong)x.F : Numbers.Wrap(to, (long)x.F), sure ? 0 : double.PositiveInfinity);
    }

    static Scalar Elementwise(Node n, Scalar a, Scalar b, Scalar c)
    {
        var t = n.src[0].DType;
        if (n.Op == Op.Fma) return Rounded(n.DType, Math.FusedMultiplyAdd(a.F, b.F, c.F), Errors.Mul(a.F, a.Error, b.F, b.Error) + c.Error);
        if (t.IsFloat)
        {
            double value = n.Op.Info.Float!(a.F, b.F);
            if (n.DType.IsFloat) return Rounded(n.DType, value, Errors.Of(n.Op, n.DType, value, a.F, a.Error, b.F, b.Error));
            // A comparison of values that are nearly equal may go either way.
            bool unsure = a.Error + b.Error > 0 && !(Math.Abs(a.F - b.F) > a.Error + b.Error);
            return new(0, (long)value, unsure ? double.PositiveInfinity : 0);
        }
        long result = (t, n.Op) switch
        {
            (DType.U64, Op.CmpLt) => (ulong)a.I < (ulong)b.I ? 1 : 0,
            (DType.U64, Op.Max) => (long)Math.Max((ulong)a.I, (ulong)b.I),
            (DType.U64, Op.Shr) => (long)((ulong)a.I >> (int)b.I),
            _ => n.Op.Info.Integer!(a.I, b.I),
        };
        return new(0, Numbers.Wrap(n.DType, result), a.Error + b.Error > 0 ? double.PositiveInfinity : 0);
    }

    /// <summary>A result rounded to its dtype. What was exact stays exact: rounding is the same everywhere.</summary>
    static Scalar Rounded(DType t, double x, double error)
    {
        double r = Numbers.Round(t, x);
        if (error == 0) return new(r, 0);
        return new(r, 0, double.IsFinite(r) ? Known(error + 2 * Errors.Unit(t) * Math.Abs(r) + Errors.Smallest(t)) : double.PositiveInfinity);
    }

    static double Known(double error) => double.IsNaN(error) ? double.PositiveInfinity : error;

    /// <summary>A reduction in progress. Any order of the n terms is within n units in the last place of the sum of their magnitudes.</summary>
    sealed class Total(Op kind, DType t)
    {
        double f = kind switch { Op.Add => 0, Op.Mul => 1, _ => double.NegativeInfinity };
        long i = kind switch { Op.Add => 0, Op.Mul => 1, _ => t.IsUnsigned ? 0 : long.MinValue };
        double error, magnitude;
        long terms;

        public void Add(Scalar x)
        {
            terms++;
            if (!t.IsFloat)
            {
                i = Numbers.Wrap(t, t == DType.U64 && kind == Op.Max ? (long)Math.Max((ulong)i, (ulong)x.I) : kind.Info.Integer!(i, x.I));
                error += x.Error;
                return;
            }
            error = kind switch
            {
                Op.Add => error + x.Error,
                Op.Mul => Errors.Mul(f, error, x.F, x.Error),
                _ => Math.Max(error, x.Error),
            };
            f = kind.Info.Float!(f, x.F);
            magnitude += Math.Abs(x.F);
        }

        public Scalar Value
        {
            get
            {
                if (!t.IsFloat) return new(0, i, error > 0 ? double.PositiveInfinity : 0);
                double order = terms < 2 || kind == Op.Max ? 0 : terms * Errors.Unit(t) * (kind == Op.Add ? magnitude : Math.Abs(f));
                // Where partial results overflow, the order decides whether the result does.
                if (kind == Op.Mul && terms > 1 && magnitude > 1e6) order = double.PositiveInfinity;
                if (kind == Op.Add && magnitude > Errors.Largest(t)) order = double.IsNaN(f) || double.IsInfinity(magnitude) ? 0 : double.PositiveInfinity;
                if (!double.IsFinite(f)) return new(Numbers.Round(t, f), 0, error + order > 0 ? double.PositiveInfinity : 0);
                return Rounded(t, f, Known(error + order));
            }
        }
    }

    /// <summary>Elements in memory as scalars.</summary>
    static class Bits
    {
        public static Scalar Read(DType t, ReadOnlySpan<byte> at) => t switch
        {
            DType.F64 => new(MemoryMarshal.Read<double>(at), 0),
            DType.F32 => new(MemoryMarshal.Read<float>(at), 0),
            DType.F16 => new((double)MemoryMarshal.Read<Half>(at), 0),
            DType.BF16 => new((float)MemoryMarshal.Read<BFloat16>(at), 0),
            DType.I64 or DType.U64 => new(0, MemoryMarshal.Read<long>(at)),
            DType.I32 => new(0, MemoryMarshal.Read<int>(at)),
            DType.U32 => new(0, MemoryMarshal.Read<uint>(at)),
            DType.I16 => new(0, MemoryMarshal.Read<short>(at)),
            DType.U16 => new(0, MemoryMarshal.Read<ushort>(at)),
            DType.I8 => new(0, (sbyte)at[0]),
            DType.U8 => new(0, at[0]),
            DType.Bool => new(0, at[0] != 0 ? 1 : 0),
            _ => throw new NotSupportedException(t.Name),
        };

        public static void Write(DType t, Span<byte> at, Scalar x)
        {
            switch (t)
            {
                case DType.F64: MemoryMarshal.Write(at, x.F); break;
                case DType.F32: MemoryMarshal.Write(at, (float)x.F); break;
                case DType.F16: MemoryMarshal.Write(at, (Half)x.F); break;
                case DType.BF16: MemoryMarshal.Write(at, (BFloat16)(float)x.F); break;
                case DType.I64 or DType.U64: MemoryMarshal.Write(at, x.I); break;
                case DType.I32 or DType.U32: MemoryMarshal.Write(at, (int)x.I); break;
                case DType.I16 or DType.U16: MemoryMarshal.Write(at, (short)x.I); break;
                default: at[0] = (byte)x.I; break;
            }
        }

        public static Scalar Reinterpret(DType from, DType to, Scalar x)
        {
            Span<byte> word = stackalloc byte[8];
            Write(from, word, x);
            return Read(to, word);
        }
    }
}
