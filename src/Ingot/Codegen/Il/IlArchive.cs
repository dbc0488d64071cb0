using System.Reflection;
using System.Reflection.Emit;
using Ingot.Runtime;

namespace Ingot.Codegen.Il;

/// <summary>
/// Recorded instructions as bytes, for other processes of the same build on the same framework: methods and types are their numbers in the metadata of the
/// framework's core library, of Ingot.Runtime and of Ingot. Names would have to be looked up among hundreds of overloads.
/// </summary>
static class IlArchive
{
    /// <summary>Modules that archives may refer to. Who keeps archives keeps these modules' identities with them.</summary>
    public static IReadOnlyList<Module> Modules { get; } = [typeof(object).Module, typeof(ScalarMemory).Module, typeof(IlArchive).Module];

    static readonly Lazy<Dictionary<short, OpCode>> Codes = new(() =>
        typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static).Select(f => (OpCode)f.GetValue(null)!).ToDictionary(c => c.Value));

    enum TypeForm : byte { Plain, Generic, Pointer, Reference }

    /// <summary>The bytes; null if an instruction is good for this process alone, or refers to another module.</summary>
    public static byte[]? Write(ReadOnlySpan<IlInstruction> instructions)
    {
        using var bytes = new MemoryStream();
        using var to = new BinaryWriter(bytes);
        var numbers = new Dictionary<object, int>();
        to.Write7BitEncodedInt(instructions.Length);
        foreach (var i in instructions)
        {
            to.Write(i.Code.Value);
            to.Write((byte)i.Kind);
            if (i.Kind is OperandKind.Byte or OperandKind.Int16 or OperandKind.Int32 or OperandKind.Int64 or OperandKind.Single or OperandKind.Double or OperandKind.Label or OperandKind.Local or OperandKind.BeginsLabel)
                to.Write7BitEncodedInt64(i.Number);
            if (i.Kind is not (OperandKind.Method or OperandKind.Field or OperandKind.Type or OperandKind.BeginsLocal or OperandKind.Call)) continue;
            // What is referred to has a number, and is described where it has its first.
            bool isNew = numbers.TryAdd(i.Object!, numbers.Count);
            to.Write7BitEncodedInt(numbers[i.Object!]);
            if (isNew && !Write(to, i.Object!)) return null;
        }
        return bytes.ToArray();
    }

    /// <exception cref="InvalidDataException">These are no instructions.</exception>
    /// <exception cref="EndOfStreamException">They are cut short.</exception>
    public static IlInstruction[] Read(byte[] archive)
    {
        using var from = new BinaryReader(new MemoryStream(archive));
        var codes = Codes.Value;
        var known = new List<object>();
        int count = from.Read7BitEncodedInt();
        if (count < 0 || count > archive.Length) throw new InvalidDataException($"{count} instructions in {archive.Length} bytes");
        var instructions = new IlInstruction[count];
        for (int i = 0; i < count; i++)
        {
            var code = codes.TryGetValue(from.ReadInt16(), out var c) ? c : throw new InvalidDataException("an operation that there is not");
            var kind = (OperandKind)from.ReadByte();
            switch (kind)
            {
                case OperandKind.None: instructions[i] = new(code, kind); break;
                case OperandKind.Method or OperandKind.Field or OperandKind.Type or OperandKind.BeginsLocal:
                    int number = from.Read7BitEncodedInt();
                    if (number == known.Count) known.Add(kind switch { OperandKind.Method => ReadMethod(from), OperandKind.Field => ReadField(from), _ => ReadType(from) });
                    if (number < 0 || number >= known.Count) throw new InvalidDataException($"number {number} of {known.Count} methods and types");
                    instructions[i] = new(code, kind, 0, known[number]);
                    break;
                case < OperandKind.Method or OperandKind.BeginsLabel: instructions[i] = new(code, kind, from.Read7BitEncodedInt64()); break;
                default: throw new InvalidDataException($"an operand of kind {kind}");
            }
        }
        return instructions;
    }

    static bool Write(BinaryWriter to, object what) => what switch
    {
        MethodInfo m => Write(to, m.DeclaringType!) && WriteToken(to, m) && Write(to, m.IsGenericMethod ? m.GetGenericArguments() : []),
        FieldInfo f => Write(to, f.DeclaringType!) && WriteToken(to, f),
        Type { IsGenericParameter: true } or Type { IsArray: true } => false,
        Type { IsPointer: true } t => Form(to, TypeForm.Pointer) && Write(to, t.GetElementType()!),
        Type { IsByRef: true } t => Form(to, TypeForm.Reference) && Write(to, t.GetElementType()!),
        Type { IsConstructedGenericType: true } t => Form(to, TypeForm.Generic) && WriteToken(to, t) && Write(to, t.GetGenericArguments()),
        Type t => Form(to, TypeForm.Plain) && WriteToken(to, t),
        _ => false,
    };

    static bool Form(BinaryWriter to, TypeForm form)
    {
        to.Write((byte)form);
        return true;
    }

    static bool Write(BinaryWriter to, Type[] types)
    {
        to.Write7BitEncodedInt(types.Length);
        return Array.TrueForAll(types, t => Write(to, t));
    }

    static bool WriteToken(BinaryWriter to, MemberInfo member)
    {
        for (int m = 0; m < Modules.Count; m++)
        {
            if (Modules[m] != member.Module) continue;
            to.Write((byte)m);
            to.Write(member.MetadataToken);
            return true;
        }
        return false;
    }

    static MethodInfo ReadMethod(BinaryReader from)
    {
        var type = ReadType(from);
        var (module, token) = ReadToken(from);
        var arguments = ReadTypes(from);
        var open = module.ResolveMethod(token)!;
        var method = (MethodInfo)(type.IsGenericType ? MethodBase.GetMethodFromHandle(open.MethodHandle, type.TypeHandle)! : open);
        return arguments.Length > 0 ? method.MakeGenericMethod(arguments) : method;
    }

    static FieldInfo ReadField(BinaryReader from)
    {
        var type = ReadType(from);
        var (module, token) = ReadToken(from);
        var open = module.ResolveField(token)!;
        return type.IsGenericType ? FieldInfo.GetFieldFromHandle(open.FieldHandle, type.TypeHandle) : open;
    }

    static Type ReadType(BinaryReader from)
    {
        var form = (TypeForm)from.ReadByte();
        if (form == TypeForm.Pointer) return ReadType(from).MakePointerType();
        if (form == TypeForm.Reference) return ReadType(from).MakeByRefType();
        if (form > TypeForm.Generic) throw new InvalidDataException($"a type of form {form}");
        var (module, token) = ReadToken(from);
        var type = module.ResolveType(token);
        return form == TypeForm.Generic ? type.MakeGenericType(ReadTypes(from)) : type;
    }

    static Type[] ReadTypes(BinaryReader from)
    {
        int count = from.Read7BitEncodedInt();
        if (count is < 0 or > 16) throw new InvalidDataException($"{count} type arguments");
        var types = new Type[count];
        for (int i = 0; i < count; i++) types[i] = ReadType(from);
        return types;
    }

    static (Module Module, int Token) ReadToken(BinaryReader from)
    {
        int module = from.ReadByte();
        return module < Modules.Count ? (Modules[module], from.ReadInt32()) : throw new InvalidDataException($"module {module}");
    }
}
