using Ingot.Kernels;

namespace Ingot.Schedule;

/// <summary>A plan as bytes, for <see cref="PlanStore"/>: what scheduling and lowering decided, and the kernels' instructions. Places in memory are found anew.</summary>
sealed partial class Plan
{
    /// <summary>Whether it can be written: not if it runs anything on the host, or a kernel whose code is good for this process alone.</summary>
    public bool IsArchivable => launches.TrueForAll(l => l.Kernel?.Archives is not null && l.Instances.TrueForAll(i => i.Reference is null));

    public void Write(BinaryWriter to)
    {
        WriteAll(to, sites, s => { to.Write(s.Text); to.Write(s.Checked); });
        WriteNumbers(to, OutputOf);
        WriteAll(to, outputs, o => { to.Write((byte)o.DType); WriteNumbers(to, o.Shape.Span); to.Write(o.AssignedLeaf); to.Write(o.Bytes); });
        WriteAll(to, buffers, b => { to.Write((byte)b.Kind); to.Write(b.Index); to.Write(b.Bytes); to.Write((byte)b.DType); WriteNumbers(to, b.Shape.Span); });
        var kernels = launches.Select(l => l.Kernel!).Distinct().ToList();
        WriteAll(to, kernels, k => WriteKernel(to, k));
        WriteAll(to, launches, l =>
        {
            to.Write(l.Name);
            to.Write(kernels.IndexOf(l.Kernel!));
            to.Write(l.Assigns);
            to.Write(l.MayFail);
            WriteAll(to, l.Instances, i =>
            {
                WriteNumbers(to, i.Buffers);
                WriteNumbers(to, i.Scalars);
                to.Write(i.Flops);
                to.Write(i.Bytes);
                to.Write(Writes[i]);
                foreach (var p in i.Phases) WriteExtent(to, p);
            });
        });
    }

    /// <exception cref="InvalidDataException">This is no plan.</exception>
    /// <exception cref="EndOfStreamException">It is cut short.</exception>
    public static Plan Read(BinaryReader from)
    {
        var plan = new Plan(ReadAll(from, () => (from.ReadString(), from.ReadInt32()))) { OutputOf = ReadNumbers(from) };
        plan.outputs.AddRange(ReadAll(from, () => ((DType)from.ReadByte(), new Shape(ReadNumbers(from)), from.ReadInt32(), from.ReadInt64())));
        plan.buffers.AddRange(ReadAll(from, () =>
        {
            var (kind, index, bytes, dtype) = ((Kind)from.ReadByte(), from.ReadInt32(), from.ReadInt64(), (DType)from.ReadByte());
            return new Buffer(kind, index, 0, bytes, dtype, new Shape(ReadNumbers(from)));
        }));
        var kernels = ReadAll(from, () => ReadKernel(from));
        plan.launches.AddRange(ReadAll(from, () =>
        {
            var (name, kernel, assigns, mayFail) = (from.ReadString(), kernels[from.ReadInt32()], from.ReadBoolean(), from.ReadBoolean());
            return new Launch { Name = name, Kernel = kernel, Assigns = assigns, MayFail = mayFail, Instances = ReadAll(from, () => plan.ReadInstance(from, kernel)) };
        }));
        plan.PlaceTemporaries();
        plan.FindOverwrites();
        return plan;
    }

    Instance ReadInstance(BinaryReader from, CompiledKernel kernel)
    {
        var (ids, scalars, flops, bytes, writes) = (ReadNumbers(from), ReadNumbers(from), from.ReadInt64(), from.ReadInt64(), from.ReadInt32());
        var instance = new Instance { Buffers = ids, Scalars = scalars, Flops = flops, Bytes = bytes, Phases = [.. kernel.Nest.Phases.Select(p => ReadExtent(from, p))] };
        Writes[instance] = writes;
        return instance;
    }

    static void WriteKernel(BinaryWriter to, CompiledKernel kernel)
    {
        var nest = kernel.Nest;
        to.Write(kernel.Key);
        to.Write(kernel.Recipe.ToString());
        to.Write(nest.Name);
        to.Write(nest.UsesMatrixUnit);
        WriteAll(to, nest.Recipe, to.Write);
        WriteAll(to, nest.Slots, s => { to.Write((byte)s.DType); to.Write(s.ScratchElements); to.Write(s.PerWorker); });
        WriteAll(to, nest.Phases, p =>
        {
            to.Write(p.Name);
            to.Write(p.VectorBytes);
            WriteExtent(to, p);
            var memory = p.Memory;
            WriteNumbers(to, [.. memory.Reads]);
            WriteNumbers(to, [.. memory.Writes]);
            to.Write(memory.IsFixed);
        });
        foreach (byte[] archive in kernel.Archives!)
        {
            to.Write(archive.Length);
            to.Write(archive);
        }
    }

    static CompiledKernel ReadKernel(BinaryReader from)
    {
        var (key, recipe) = (from.ReadString(), Recipe.Parse(from.ReadString()) ?? throw new InvalidDataException("a recipe that is none"));
        var (name, usesMatrixUnit, notes) = (from.ReadString(), from.ReadBoolean(), ReadAll(from, from.ReadString));
        var nest = new LoopNest { Name = name, UsesMatrixUnit = usesMatrixUnit, Slots = ReadAll(from, () => new SlotInfo((DType)from.ReadByte(), from.ReadInt64(), from.ReadBoolean())) };
        nest.Recipe.AddRange(notes);
        nest.Phases.AddRange(ReadAll(from, () =>
        {
            var phase = ReadExtent(from, new Phase(from.ReadString(), [], 0, 0, 0, from.ReadInt32()));
            return phase with { Known = new(ReadNumbers(from).ToHashSet(), ReadNumbers(from).ToHashSet(), from.ReadBoolean()) };
        }));
        byte[][] archives = [.. nest.Phases.Select(_ => from.ReadBytes(Count(from)))];
        return CompiledKernel.Of(key, nest, recipe, archives);
    }

    static void WriteExtent(BinaryWriter to, Phase phase)
    {
        to.Write(phase.Extent);
        to.Write(phase.Grain);
        to.Write(phase.Cost);
    }

    static Phase ReadExtent(BinaryReader from, Phase phase) => phase with { Extent = from.ReadInt64(), Grain = from.ReadInt64(), Cost = from.ReadDouble() };

    static void WriteAll<T>(BinaryWriter to, IReadOnlyCollection<T> items, Action<T> write)
    {
        to.Write(items.Count);
        foreach (var item in items) write(item);
    }

    static List<T> ReadAll<T>(BinaryReader from, Func<T> read)
    {
        int count = Count(from);
        var items = new List<T>(count);
        for (int i = 0; i < count; i++) items.Add(read());
        return items;
    }

    static void WriteNumbers(BinaryWriter to, ReadOnlySpan<int> numbers)
    {
        to.Write(numbers.Length);
        foreach (int n in numbers) to.Write(n);
    }

    static int[] ReadNumbers(BinaryReader from)
    {
        int[] numbers = new int[Count(from)];
        for (int i = 0; i < numbers.Length; i++) numbers[i] = from.ReadInt32();
        return numbers;
    }

    /// <summary>A number of things, each of which takes a byte at least.</summary>
    static int Count(BinaryReader from) => from.ReadInt32() is >= 0 and var n && n <= from.BaseStream.Length - from.BaseStream.Position ? n : throw new InvalidDataException("more than there is");
}
