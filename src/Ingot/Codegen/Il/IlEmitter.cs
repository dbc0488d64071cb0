using System.Reflection.Emit;
using Ingot.Codegen.X64;
using Ingot.Graph;
using Ingot.Kernels;

namespace Ingot.Codegen.Il;

/// <summary>A phase of a kernel, compiled: iterations [start, end) of its parallel index.</summary>
/// <param name="args">Address of 64-bit words: the error record, the slots' addresses, then scalar arguments.</param>
/// <param name="start">First parallel iteration.</param>
/// <param name="end">One past the last.</param>
/// <param name="worker">Number of the worker, for its own scratch.</param>
delegate void KernelCode(nint args, long start, long end, long worker);

/// <summary>
/// Loop nest to IL. Expressions are graphs: a node is computed once, in the outermost loop where everything it needs is known (before the loop
/// that first uses it), and addresses are summed level by level the same way. What depends on a lane is a vector.
/// The file is split by subject: this part walks statements and places values, <c>IlEmitter.Values.cs</c> translates operations.
/// </summary>
sealed partial class IlEmitter
{
    readonly LoopNest nest;
    readonly int vectorBytes;
    readonly Instructions vectors;
    readonly ILGenerator il;
    readonly Dictionary<Node, int> depths = new(ReferenceEqualityComparer.Instance);
    readonly Dictionary<Node, LocalBuilder> ranges = new(ReferenceEqualityComparer.Instance);
    readonly Dictionary<Node, LocalBuilder> accumulators = new(ReferenceEqualityComparer.Instance);
    readonly Dictionary<Node, int> uses = new(ReferenceEqualityComparer.Instance);
    readonly Dictionary<Node, bool> vectorness = new(ReferenceEqualityComparer.Instance);
    readonly Dictionary<int, int> writtenDepth = [];
    readonly Dictionary<int, LocalBuilder> bases = [];
    readonly List<Scope> scopes = [new(0)];

    /// <summary>Values already in locals, in one loop level.</summary>
    sealed record Scope(int Depth)
    {
        public Dictionary<(Node, bool), LocalBuilder> Values { get; } = [];
        public Dictionary<string, LocalBuilder> Pointers { get; } = [];
    }

    IlEmitter(LoopNest nest, int vectorBytes, ILGenerator il)
    {
        (this.nest, this.vectorBytes, this.il) = (nest, vectorBytes, il);
        vectors = new Instructions(vectorBytes);
    }

    /// <summary>Writes one phase down.</summary>
    /// <returns>What was written, and what the code is to be bound to.</returns>
    public static (IlRecording Written, MatrixCode? Unit) Record(LoopNest nest, Phase phase, int vectorBytes)
    {
        var written = new IlRecording();
        return (written, new IlEmitter(nest, vectorBytes, written).Whole(phase));
    }

    public static string Name(LoopNest nest, Phase phase) => $"{nest.Name} {phase.Name}";

    MatrixCode? Whole(Phase phase)
    {
        Prepare(phase.Body, 0);
        isFrugal = accumulatorCount >= 8 || counted.Count(n => n.Arg is SlotArg) > 6;
        FindWritten(phase.Body);
        BaseAddresses(phase.Body);
        UnitBegins(phase.Body);
        Block(phase.Body);
        if (mustFence) il.Emit(OpCodes.Call, typeof(Thread).GetMethod(nameof(Thread.MemoryBarrier))!);
        UnitEnds();
        il.Emit(OpCodes.Ret);
        return unit;
    }

    /// <summary>
    /// Registers are scarce: many accumulators, or many scalar arguments. Vectors that a loop does not change are then made where they are used
    /// (a broadcast from memory costs one load), as the JIT's allocator would rather spill the accumulators of the loop before.
    /// </summary>
    bool isFrugal;

    int accumulatorCount;

    int Depth => scopes[^1].Depth;

    // ---- before emission ----

    /// <summary>Loop depths of variables and accumulators; how often each node is used.</summary>
    readonly HashSet<Node> counted = new(ReferenceEqualityComparer.Instance);

    void Count(Node root)
    {
        uses[root] = uses.GetValueOrDefault(root) + 1;
        foreach (var n in Build.TopologicalOrder([root], counted.Contains))
            if (counted.Add(n))
                foreach (var s in n.src) uses[s] = uses.GetValueOrDefault(s) + 1;
    }

    void Prepare(List<Stmt> block, int depth)
    {
        foreach (var s in block)
        {
            foreach (var root in s.Expressions) Count(root);
            switch (s)
            {
                case For f: depths[f.Var] = depth + 1; Prepare(f.Body, depth + 1); break;
                case If f: Prepare(f.Then, depth); Prepare(f.Else, depth); break;
                case Init i: depths[i.Acc] = depth; accumulatorCount++; break;
            }
        }
    }

    /// <summary>A read of a buffer stays inside the innermost loop around it that also writes the buffer: outside of it the memory is what it was before.</summary>
    void FindWritten(List<Stmt> body)
    {
        var writers = new Dictionary<int, HashSet<For>>();
        Walk(body, [], (s, path) =>
        {
            if (s.Written < 0) return;
            if (!writers.TryGetValue(s.Written, out var loops)) writers[s.Written] = loops = [];
            loops.UnionWith(path);
        });
        foreach (int slot in writers.Keys) writtenDepth[slot] = 0;
        Walk(body, [], (s, path) =>
        {
            foreach (var n in Ir.All(s.Expressions))
                if (n is { Op: Op.Load, Arg: BufferSlot { Slot: var slot } } && writers.TryGetValue(slot, out var loops))
                    writtenDepth[slot] = Math.Max(writtenDepth[slot], path.FindLastIndex(loops.Contains) + 1);
        });

        static void Walk(List<Stmt> block, List<For> path, Action<Stmt, List<For>> visit)
        {
            foreach (var s in block)
            {
                visit(s, path);
                if (s is For f) Walk(f.Body, [.. path, f], visit);
                if (s is If c) { Walk(c.Then, path, visit); Walk(c.Else, path, visit); }
            }
        }
    }

    void BaseAddresses(List<Stmt> body)
    {
        var used = new SortedSet<int>();
        void Walk(List<Stmt> block)
        {
            foreach (var s in block)
            {
                foreach (var root in s.Expressions)
                    foreach (var n in Ir.All(root))
                        if (n.Arg is BufferSlot b) used.Add(b.Slot);
                if (s.Written >= 0) used.Add(s.Written);
                used.UnionWith(s.Read);
                if (s is For f) Walk(f.Body);
                if (s is If c) { Walk(c.Then); Walk(c.Else); }
            }
        }
        Walk(body);
        foreach (int slot in used)
        {
            Word(1 + slot);
            var info = nest.Slots[slot];
            if (info.PerWorker)
            {
                il.Emit(OpCodes.Ldarg_S, (byte)4);
                il.Emit(OpCodes.Ldc_I8, ScratchBytes(info));
                il.Emit(OpCodes.Mul);
                il.Emit(OpCodes.Add);
            }
            il.Emit(OpCodes.Conv_I);
            var local = il.DeclareLocal(typeof(nint));
            il.Emit(OpCodes.Stloc, local);
            bases[slot] = local;
        }
    }

    /// <summary>Bytes of one worker's copy of a scratch slot: whole cache lines, and one to spare.</summary>
    public static long ScratchBytes(SlotInfo s) => (s.ScratchElements * s.DType.Size + 127) / 64 * 64;

    /// <summary>The 64-bit word number i of the launch's arguments.</summary>
    void Word(int i)
    {
        il.Emit(OpCodes.Ldarg_1);
        il.Emit(OpCodes.Ldc_I4, i * 8);
        il.Emit(OpCodes.Add);
        il.Emit(OpCodes.Ldind_I8);
    }

    // ---- statements ----

    void Block(List<Stmt> block)
    {
        for (int i = 0; i < block.Count; i++)
        {
            // Neighbouring stores: all values first, since a buffer that one of them overwrites may be read by another.
            if (block[i] is Store && i + 1 < block.Count && block[i + 1] is Store && (i == 0 || block[i - 1] is not Store))
                for (int j = i; j < block.Count && block[j] is Store t; j++)
                {
                    bool vector = IsVector(t.Index);
                    if (t.Value.Op is not (Op.Const or Op.Acc) && !InLocal(t.Value, vector) && !(vector && IsVector(t.Value) && MustSplit(t.Value)))
                    {
                        if (vector) currentLanes = Lanes(t.Index);
                        ToLocal(t.Value, vector);
                    }
                }
            Statement(block[i]);
        }
    }

    void Statement(Stmt s)
    {
        switch (s)
        {
            case For f: Loop(f); break;
            case If f: Branch(f); break;
            case Init i:
                if (IsVector(i.Acc)) currentLanes = Lanes(i.Acc);
                Value(i.Value, IsVector(i.Acc));
                accumulators[i.Acc] = il.DeclareLocal(RegisterType(i.Acc.DType, IsVector(i.Acc)));
                il.Emit(OpCodes.Stloc, accumulators[i.Acc]);
                break;
            case Update u: Accumulate(u); break;
            case Store t: StoreValue(t); break;
            case StoreTransposed t: StoreSquare(t); break;
            case Prefetch p: FetchLine(p); break;
            case MatrixProduct t: MultiplyTiles(t); break;
        }
    }

    void Loop(For f)
    {
        hoisted.Clear();
        updated.Clear();
        FindUpdated(f.Body);
        foreach (var s in f.Body) Hoist(s, false);
        var i = il.DeclareLocal(typeof(long));
        var to = il.DeclareLocal(typeof(long));
        Value(f.From, false);
        il.Emit(OpCodes.Stloc, i);
        Value(f.To, false);
        il.Emit(OpCodes.Stloc, to);
        ranges[f.Var] = i;
        Label body = il.DefineLabel(), check = il.DefineLabel();
        il.Emit(OpCodes.Br, check);
        il.MarkLabel(body);
        scopes.Add(new(Depth + 1));
        Block(f.Body);
        scopes.RemoveAt(scopes.Count - 1);
        il.Emit(OpCodes.Ldloc, i);
        il.Emit(OpCodes.Ldc_I8, f.Step);
        il.Emit(OpCodes.Add);
        il.Emit(OpCodes.Stloc, i);
        il.MarkLabel(check);
        il.Emit(OpCodes.Ldloc, i);
        il.Emit(OpCodes.Ldloc, to);
        il.Emit(OpCodes.Blt, body);
    }

    void Branch(If f)
    {
        Label otherwise = il.DefineLabel(), end = il.DefineLabel();
        Value(f.Condition, false);
        il.Emit(OpCodes.Brfalse, otherwise);
        scopes.Add(new(Depth));
        Block(f.Then);
        scopes.RemoveAt(scopes.Count - 1);
        il.Emit(OpCodes.Br, end);
        il.MarkLabel(otherwise);
        scopes.Add(new(Depth));
        Block(f.Else);
        scopes.RemoveAt(scopes.Count - 1);
        il.MarkLabel(end);
    }

    void Accumulate(Update u)
    {
        bool vector = IsVector(u.Acc);
        if (vector) currentLanes = Lanes(u.Acc);
        var local = accumulators[u.Acc];
        if (u.Kind == Op.Add && u.Value is { Op: Op.Mul, DType: DType.F32 or DType.F64, src: [var a, var b] } && !InLocal(u.Value, vector))
        {
            Value(a, vector);
            Value(b, vector);
            il.Emit(OpCodes.Ldloc, local);
            FusedMultiplyAdd(u.Acc.DType, vector);
        }
        else
        {
            il.Emit(OpCodes.Ldloc, local);
            Value(u.Value, vector);
            Arithmetic(u.Kind, u.Acc.DType, vector);
        }
        il.Emit(OpCodes.Stloc, local);
    }

    // ---- where values live ----

    /// <summary>Computes, before a loop, what its body needs and the loop does not change. Under a condition no memory is read in advance.</summary>
    void Hoist(Stmt s, bool conditional)
    {
        if (s switch { Init i => i.Acc, Update u => u.Acc, Store t => t.Index, _ => null } is { } target && IsVector(target)) currentLanes = Lanes(target);
        switch (s)
        {
            case For f:
                HoistValue(f.From, false, conditional);
                HoistValue(f.To, false, conditional);
                foreach (var t in f.Body) Hoist(t, conditional);
                break;
            case If f:
                HoistValue(f.Condition, false, conditional);
                foreach (var t in f.Then.Concat(f.Else)) Hoist(t, true);
                break;
            case Init i: HoistValue(i.Value, IsVector(i.Acc), conditional); break;
            case Update { Kind: Op.Add, Value: { Op: Op.Mul } m } u when DepthOf(m) > Depth:
                foreach (var x in m.src) HoistValue(x, IsVector(u.Acc), conditional);
                break;
            case Update u: HoistValue(u.Value, IsVector(u.Acc), conditional); break;
            case Store t:
                HoistAddress(t.Slot, t.Index, t.DType, conditional);
                HoistValue(t.Value, IsVector(t.Value) || IsVector(t.Index), conditional);
                break;
            case StoreTransposed t:
                HoistAddress(t.Slot, t.Index, DType.F32, conditional);
                currentLanes = t.Values.Length;
                foreach (var v in t.Values) HoistValue(v, true, conditional);
                break;
            case Prefetch p: HoistAddress(p.Slot, p.Index, p.DType, conditional); break;
            case MatrixProduct t:
                foreach (var (slot, index) in new[] { t.A, t.B, t.C }) HoistAddress(slot, index, DType.F32, conditional);
                HoistValue(t.Steps, false, conditional);
                HoistValue(t.Continues, false, conditional);
                break;
        }
    }

    /// <summary>Accumulators that the current loop changes, and what depends on them: known anew in each turn only.</summary>
    readonly Dictionary<Node, bool> updated = new(ReferenceEqualityComparer.Instance);

    void FindUpdated(List<Stmt> block)
    {
        foreach (var s in block)
            switch (s)
            {
                case Update u: updated[u.Acc] = true; break;
                case For f: FindUpdated(f.Body); break;
                case If f: FindUpdated(f.Then); FindUpdated(f.Else); break;
            }
    }

    bool IsUpdated(Node n)
    {
        if (updated.TryGetValue(n, out bool known)) return known;
        return updated[n] = Array.Exists(n.src, IsUpdated);
    }

    /// <summary>What the pass over the current loop has seen: expressions are graphs, not trees.</summary>
    readonly HashSet<(Node, bool, bool)> hoisted = [];

    void HoistValue(Node n, bool vector, bool conditional)
    {
        if (n is { Op: Op.Const or Op.Range } or { Op: Op.Neg, src: [{ Op: Op.Const }] } || InLocal(n, vector) || !hoisted.Add((n, vector, conditional))) return;
        if (!vector && IsVector(n))
        {
            // Index arithmetic of a vector: its parts that do not depend on the lane.
            foreach (var s in n.src) HoistValue(s, false, conditional);
            return;
        }
        if (DepthOf(n) <= Depth && !IsUpdated(n))
        {
            if (vector && isFrugal && n.Op is not (Op.Acc or Op.Const)) { HoistValue(n, false, conditional); return; }
            if (n.Op is Op.Arg && isFrugal) return;
            if (n.Op == Op.Acc || (conditional && Ir.All(n).Exists(x => x.Op is Op.Load or Op.CheckIndex))) return;
            ToLocal(n, vector);
            return;
        }
        bool own = vector && IsVector(n);
        if (own && MustSplit(n))
        {
            for (int i = 0; i < Lanes(n); i++) HoistValue(AtLane(n, i), false, conditional);
            return;
        }
        if (n.Op == Op.Load)
        {
            if (n.src.Length > 1) { HoistValue(n.src[1], false, conditional); return; }
            HoistAddress(((BufferSlot)n.Arg!).Slot, n.src[0], n.DType, conditional);
            return;
        }
        foreach (var s in n.src) HoistValue(s, own && s.DType != DType.I64, conditional);
    }

    void HoistAddress(int slot, Node index, DType t, bool conditional)
    {
        foreach (var (atom, _) in IndexMath.Of(index).Terms)
            if (!Ir.IsRange(atom) && !Ir.IsLane(atom)) HoistValue(atom, false, conditional);
        PartialAddress(slot, index, t, Depth);
    }

    /// <summary>The loop level a value belongs to: the deepest of what it reads.</summary>
    int DepthOf(Node n)
    {
        if (depths.TryGetValue(n, out int known)) return known;
        int d = 0;
        foreach (var s in n.src) d = Math.Max(d, DepthOf(s));
        if (n is { Op: Op.Load, Arg: BufferSlot b } && writtenDepth.TryGetValue(b.Slot, out int w)) d = Math.Max(d, w);
        return depths[n] = d;
    }

    bool IsVector(Node n)
    {
        if (vectorness.TryGetValue(n, out bool known)) return known;
        bool v = Ir.IsLane(n) || (n.Op != Op.Across && Array.Exists(n.src, IsVector));
        return vectorness[n] = v;
    }

    bool InLocal(Node n, bool vector) => scopes.Exists(s => s.Values.ContainsKey((n, vector)));

    LocalBuilder? Find(Node n, bool vector)
    {
        for (int i = scopes.Count - 1; i >= 0; i--)
            if (scopes[i].Values.TryGetValue((n, vector), out var local)) return local;
        return null;
    }

    void ToLocal(Node n, bool vector)
    {
        Compute(n, vector);
        var local = il.DeclareLocal(RegisterType(n.DType, vector));
        il.Emit(OpCodes.Stloc, local);
        scopes[^1].Values[(n, vector)] = local;
    }

    /// <summary>Pushes a value: from its local, or computed now (and kept, if it is used again).</summary>
    void Value(Node n, bool vector)
    {
        if (n.Op == Op.Acc)
        {
            il.Emit(OpCodes.Ldloc, accumulators[n]);
            if (vector && !IsVector(n)) Splat(n.DType);
            return;
        }
        if (Ir.IsRange(n) && !vector) { il.Emit(OpCodes.Ldloc, ranges[n]); return; }
        if (Find(n, vector) is { } local) { il.Emit(OpCodes.Ldloc, local); return; }
        if (n.Op is not (Op.Const or Op.Range) && uses.GetValueOrDefault(n) > 1)
        {
            ToLocal(n, vector);
            il.Emit(OpCodes.Ldloc, Find(n, vector)!);
            return;
        }
        Compute(n, vector);
    }

    // ---- addresses ----

    /// <summary>Terms of an address by loop level, the lane left out; levels ascend.</summary>
    List<(int Level, List<(Node Atom, long Bytes)> Terms)> Levels(Node index, int size)
    {
        var levels = new SortedDictionary<int, List<(Node, long)>>();
        foreach (var (atom, factor) in IndexMath.Of(index).Terms)
        {
            if (Ir.IsLane(atom)) continue;
            int level = DepthOf(atom);
            if (!levels.TryGetValue(level, out var list)) levels[level] = list = [];
            list.Add((atom, factor * size));
        }
        return [.. levels.Select(l => (l.Key, l.Value))];
    }

    /// <summary>Keeps base + (terms of levels up to limit) in a local of this scope and returns it, with the number of levels in it.</summary>
    (LocalBuilder Pointer, int Levels) PartialAddress(int slot, Node index, DType t, int limit)
    {
        var pointer = bases[slot];
        var levels = Levels(index, t.Size);
        string key = $"{slot}";
        int taken = 0;
        foreach (var (level, terms) in levels)
        {
            if (level > limit) break;
            taken++;
            foreach (var (atom, bytes) in terms) key += $"+{Number(atom)}*{bytes}";
            LocalBuilder? known = null;
            for (int i = scopes.Count - 1; i >= 0 && known is null; i--) scopes[i].Pointers.TryGetValue(key, out known);
            if (known is null)
            {
                il.Emit(OpCodes.Ldloc, pointer);
                AddTerms(terms);
                known = il.DeclareLocal(typeof(nint));
                il.Emit(OpCodes.Stloc, known);
                scopes[^1].Pointers[key] = known;
            }
            pointer = known;
        }
        return (pointer, taken);
    }

    readonly Dictionary<Node, int> numbers = new(ReferenceEqualityComparer.Instance);

    int Number(Node n) => numbers.TryGetValue(n, out int i) ? i : numbers[n] = numbers.Count;

    void AddTerms(List<(Node Atom, long Bytes)> terms)
    {
        foreach (var (atom, bytes) in terms)
        {
            Value(atom, false);
            if (bytes != 1)
            {
                il.Emit(OpCodes.Ldc_I8, bytes);
                il.Emit(OpCodes.Mul);
            }
            il.Emit(OpCodes.Conv_I);
            il.Emit(OpCodes.Add);
        }
    }

    /// <summary>Pushes the address of slot[index], lane 0 for vectors.</summary>
    void Address(int slot, Node index, DType t)
    {
        var (pointer, taken) = PartialAddress(slot, index, t, Depth - 1);
        il.Emit(OpCodes.Ldloc, pointer);
        var levels = Levels(index, t.Size);
        for (int i = taken; i < levels.Count; i++) AddTerms(levels[i].Terms);
        long constant = IndexMath.Of(index).Constant * t.Size;
        if (constant == 0) return;
        il.Emit(OpCodes.Ldc_I8, constant);
        il.Emit(OpCodes.Conv_I);
        il.Emit(OpCodes.Add);
    }
}
