using System.Globalization;
using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.InteropServices;

namespace Ingot.Codegen.Il;

/// <summary>DEBUG=4: an IL generator that says what it is told to emit, an instruction a line, and passes it on.</summary>
sealed class IlListing(ILGenerator il, Action<string> line) : ILGenerator
{
    /// <summary>Where listings go; null while nobody wants them, and then no listing is made.</summary>
    public static Action<string>? Sink { get; set; }

    /// <summary>The generator itself, or a listing of it.</summary>
    public static ILGenerator Of(DynamicMethod method, ILGenerator il)
    {
        if (Sink is not { } sink) return il;
        sink($"    IL of {method.Name}:");
        return new IlListing(il, sink);
    }

    void Say(OpCode op, string argument = "") => line($"    {il.ILOffset:x4}  {op.Name,-12} {argument}".TrimEnd());

    static string Name(Type t) => t.IsGenericType ? $"{t.Name.Split('`')[0]}<{string.Join(", ", t.GetGenericArguments().Select(Name))}>" : t.Name;

    static string Name(MethodBase m) => $"{(m.DeclaringType is { } t ? Name(t) + "." : "")}{m.Name}({string.Join(", ", m.GetParameters().Select(p => Name(p.ParameterType)))})";

    static string Text(IFormattable x) => x.ToString("R", CultureInfo.InvariantCulture);

    public override int ILOffset => il.ILOffset;

    public override LocalBuilder DeclareLocal(Type localType, bool pinned)
    {
        var local = il.DeclareLocal(localType, pinned);
        line($"          .local {local.LocalIndex}    {Name(localType)}");
        return local;
    }

    public override void MarkLabel(Label loc)
    {
        line($"    label {loc.Id}:");
        il.MarkLabel(loc);
    }

    public override Label DefineLabel() => il.DefineLabel();

    public override void Emit(OpCode opcode) { Say(opcode); il.Emit(opcode); }
    public override void Emit(OpCode opcode, byte arg) { Say(opcode, $"{arg}"); il.Emit(opcode, arg); }
    public override void Emit(OpCode opcode, short arg) { Say(opcode, $"{arg}"); il.Emit(opcode, arg); }
    public override void Emit(OpCode opcode, int arg) { Say(opcode, $"{arg}"); il.Emit(opcode, arg); }
    public override void Emit(OpCode opcode, long arg) { Say(opcode, $"{arg}"); il.Emit(opcode, arg); }
    public override void Emit(OpCode opcode, float arg) { Say(opcode, Text(arg)); il.Emit(opcode, arg); }
    public override void Emit(OpCode opcode, double arg) { Say(opcode, Text(arg)); il.Emit(opcode, arg); }
    public override void Emit(OpCode opcode, string str) { Say(opcode, str); il.Emit(opcode, str); }
    public override void Emit(OpCode opcode, Label label) { Say(opcode, $"label {label.Id}"); il.Emit(opcode, label); }
    public override void Emit(OpCode opcode, Label[] labels) { Say(opcode, string.Join(", ", labels.Select(l => $"label {l.Id}"))); il.Emit(opcode, labels); }
    public override void Emit(OpCode opcode, LocalBuilder local) { Say(opcode, $"local {local.LocalIndex}"); il.Emit(opcode, local); }
    public override void Emit(OpCode opcode, MethodInfo meth) { Say(opcode, Name(meth)); il.Emit(opcode, meth); }
    public override void Emit(OpCode opcode, ConstructorInfo con) { Say(opcode, Name(con)); il.Emit(opcode, con); }
    public override void Emit(OpCode opcode, FieldInfo field) { Say(opcode, field.Name); il.Emit(opcode, field); }
    public override void Emit(OpCode opcode, Type cls) { Say(opcode, Name(cls)); il.Emit(opcode, cls); }
    public override void Emit(OpCode opcode, SignatureHelper signature) { Say(opcode, "signature"); il.Emit(opcode, signature); }

    public override void EmitCall(OpCode opcode, MethodInfo methodInfo, Type[]? optionalParameterTypes)
    {
        Say(opcode, Name(methodInfo));
        il.EmitCall(opcode, methodInfo, optionalParameterTypes);
    }

    public override void EmitCalli(OpCode opcode, CallingConventions callingConvention, Type? returnType, Type[]? parameterTypes, Type[]? optionalParameterTypes)
    {
        Say(opcode, Signature(returnType, parameterTypes));
        il.EmitCalli(opcode, callingConvention, returnType, parameterTypes, optionalParameterTypes);
    }

    public override void EmitCalli(OpCode opcode, CallingConvention unmanagedCallConv, Type? returnType, Type[]? parameterTypes)
    {
        Say(opcode, Signature(returnType, parameterTypes));
        il.EmitCalli(opcode, unmanagedCallConv, returnType, parameterTypes);
    }

    static string Signature(Type? result, Type[]? parameters) => $"{Name(result ?? typeof(void))}({string.Join(", ", (parameters ?? []).Select(Name))})";

    // Kernels have no exception blocks.
    public override void BeginCatchBlock(Type? exceptionType) => il.BeginCatchBlock(exceptionType);
    public override void BeginExceptFilterBlock() => il.BeginExceptFilterBlock();
    public override Label BeginExceptionBlock() => il.BeginExceptionBlock();
    public override void BeginFaultBlock() => il.BeginFaultBlock();
    public override void BeginFinallyBlock() => il.BeginFinallyBlock();
    public override void BeginScope() => il.BeginScope();
    public override void EndExceptionBlock() => il.EndExceptionBlock();
    public override void EndScope() => il.EndScope();
    public override void UsingNamespace(string usingNamespace) => il.UsingNamespace(usingNamespace);
}
