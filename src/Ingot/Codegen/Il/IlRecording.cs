using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.InteropServices;

namespace Ingot.Codegen.Il;

/// <summary>An instruction as it was written down.</summary>
/// <param name="Code">The operation; of a label or a local variable that begins here, Nop.</param>
/// <param name="Kind">What the operand is.</param>
/// <param name="Number">An operand that is a number (its bits), a label or a local variable.</param>
/// <param name="Object">An operand that is a method, a type, a field or a signature; of a number, its name if it is sure to be another at other sizes.</param>
readonly record struct IlInstruction(OpCode Code, OperandKind Kind, long Number = 0, object? Object = null)
{
    /// <summary>A 64-bit constant: an extent, a stride, an offset. Everything else is what the code is, these are how far it goes.</summary>
    public bool IsSize => Kind == OperandKind.Int64;
}

enum OperandKind { None, Byte, Int16, Int32, Int64, Single, Double, Label, Local, Method, Type, Field, Call, BeginsLabel, BeginsLocal }

/// <summary>An IL generator that only writes down what it is told: code that may not have to be compiled, since code like it was.</summary>
sealed class IlRecording : ILGenerator
{
    readonly List<IlInstruction> instructions = [];
    int labels, locals;

    /// <summary>What was emitted, in order.</summary>
    public ReadOnlySpan<IlInstruction> Instructions => CollectionsMarshal.AsSpan(instructions);

    sealed class Variable(Type type, int index) : LocalBuilder
    {
        public override Type LocalType => type;
        public override int LocalIndex => index;
        public override bool IsPinned => false;
    }

    sealed record Signature(CallingConventions Convention, Type? Result, Type[] Parameters)
    {
        public bool Equals(Signature? o) => o is not null && Convention == o.Convention && Result == o.Result && Parameters.AsSpan().SequenceEqual(o.Parameters);
        public override int GetHashCode() => HashCode.Combine(Convention, Result, Parameters.Length);
    }

    /// <summary>Equal for recordings that differ in sizes alone.</summary>
    public int Skeleton()
    {
        var h = new HashCode();
        foreach (var i in Instructions)
        {
            h.Add(i.Code.Value);
            h.Add((int)i.Kind);
            if (!i.IsSize) h.Add(i.Number);
            if (i.Object is not null) h.Add(i.Object);
        }
        return h.ToHashCode();
    }

    /// <summary>Tells another generator the same.</summary>
    /// <param name="instructions">What was written down.</param>
    /// <param name="to">The generator.</param>
    /// <param name="sizes">The local variable that holds the size of an instruction of this number; null leaves it a constant.</param>
    public static void Replay(ReadOnlySpan<IlInstruction> instructions, ILGenerator to, Func<int, LocalBuilder?> sizes)
    {
        var labels = new List<Label>();
        var locals = new List<LocalBuilder>();
        for (int at = 0; at < instructions.Length; at++)
        {
            var i = instructions[at];
            int number = (int)i.Number;
            while (i.Kind is OperandKind.Label or OperandKind.BeginsLabel && labels.Count <= number) labels.Add(to.DefineLabel());
            switch (i.Kind)
            {
                case OperandKind.None: to.Emit(i.Code); break;
                case OperandKind.Byte: to.Emit(i.Code, (byte)i.Number); break;
                case OperandKind.Int16: to.Emit(i.Code, (short)i.Number); break;
                case OperandKind.Int32: to.Emit(i.Code, number); break;
                case OperandKind.Int64 when sizes(at) is { } size: to.Emit(OpCodes.Ldloc, size); break;
                case OperandKind.Int64: to.Emit(i.Code, i.Number); break;
                case OperandKind.Single: to.Emit(i.Code, BitConverter.Int32BitsToSingle(number)); break;
                case OperandKind.Double: to.Emit(i.Code, BitConverter.Int64BitsToDouble(i.Number)); break;
                case OperandKind.Label: to.Emit(i.Code, labels[number]); break;
                case OperandKind.Local: to.Emit(i.Code, locals[number]); break;
                case OperandKind.Method: to.Emit(i.Code, (MethodInfo)i.Object!); break;
                case OperandKind.Type: to.Emit(i.Code, (Type)i.Object!); break;
                case OperandKind.Field: to.Emit(i.Code, (FieldInfo)i.Object!); break;
                case OperandKind.Call:
                    var call = (Signature)i.Object!;
                    to.EmitCalli(i.Code, call.Convention, call.Result, call.Parameters, null);
                    break;
                case OperandKind.BeginsLabel: to.MarkLabel(labels[number]); break;
                case OperandKind.BeginsLocal: locals.Add(to.DeclareLocal((Type)i.Object!)); break;
            }
        }
    }

    void Note(OpCode code, OperandKind kind, long number = 0, object? operand = null) => instructions.Add(new(code, kind, number, operand));

    /// <summary>A number that is sure to be another at other sizes.</summary>
    public void EmitSize(long number, string name) => Note(OpCodes.Ldc_I8, OperandKind.Int64, number, name);

    /// <summary>Not known before the code is really made.</summary>
    public override int ILOffset => 0;

    public override LocalBuilder DeclareLocal(Type localType, bool pinned)
    {
        Note(OpCodes.Nop, OperandKind.BeginsLocal, locals, localType);
        return new Variable(localType, locals++);
    }

    public override Label DefineLabel() => CreateLabel(labels++);

    public override void MarkLabel(Label loc) => Note(OpCodes.Nop, OperandKind.BeginsLabel, loc.Id);
    public override void Emit(OpCode opcode) => Note(opcode, OperandKind.None);
    public override void Emit(OpCode opcode, byte arg) => Note(opcode, OperandKind.Byte, arg);
    public override void Emit(OpCode opcode, short arg) => Note(opcode, OperandKind.Int16, arg);
    public override void Emit(OpCode opcode, int arg) => Note(opcode, OperandKind.Int32, arg);
    public override void Emit(OpCode opcode, long arg) => Note(opcode, OperandKind.Int64, arg);
    public override void Emit(OpCode opcode, float arg) => Note(opcode, OperandKind.Single, BitConverter.SingleToInt32Bits(arg));
    public override void Emit(OpCode opcode, double arg) => Note(opcode, OperandKind.Double, BitConverter.DoubleToInt64Bits(arg));
    public override void Emit(OpCode opcode, Label label) => Note(opcode, OperandKind.Label, label.Id);
    public override void Emit(OpCode opcode, LocalBuilder local) => Note(opcode, OperandKind.Local, local.LocalIndex);
    public override void Emit(OpCode opcode, MethodInfo meth) => Note(opcode, OperandKind.Method, 0, meth);
    public override void Emit(OpCode opcode, Type cls) => Note(opcode, OperandKind.Type, 0, cls);
    public override void Emit(OpCode opcode, FieldInfo field) => Note(opcode, OperandKind.Field, 0, field);
    public override void EmitCalli(OpCode opcode, CallingConventions callingConvention, Type? returnType, Type[]? parameterTypes, Type[]? optionalParameterTypes) =>
        Note(opcode, OperandKind.Call, 0, new Signature(callingConvention, returnType, parameterTypes ?? []));

    // What kernels have no use for.
    static NotSupportedException Unused(string what) => new($"kernels have no {what}");

    public override void Emit(OpCode opcode, string str) => throw Unused("strings");
    public override void Emit(OpCode opcode, Label[] labels) => throw Unused("tables of jumps");
    public override void Emit(OpCode opcode, ConstructorInfo con) => throw Unused("objects");
    public override void Emit(OpCode opcode, SignatureHelper signature) => throw Unused("signatures by themselves");
    public override void EmitCall(OpCode opcode, MethodInfo methodInfo, Type[]? optionalParameterTypes) => throw Unused("calls of variable length");
    public override void EmitCalli(OpCode opcode, CallingConvention unmanagedCallConv, Type? returnType, Type[]? parameterTypes) => throw Unused("unmanaged calls");
    public override void BeginCatchBlock(Type? exceptionType) => throw Unused("exceptions");
    public override void BeginExceptFilterBlock() => throw Unused("exceptions");
    public override Label BeginExceptionBlock() => throw Unused("exceptions");
    public override void BeginFaultBlock() => throw Unused("exceptions");
    public override void BeginFinallyBlock() => throw Unused("exceptions");
    public override void EndExceptionBlock() => throw Unused("exceptions");
    public override void BeginScope() => throw Unused("scopes");
    public override void EndScope() => throw Unused("scopes");
    public override void UsingNamespace(string usingNamespace) => throw Unused("namespaces");
}
