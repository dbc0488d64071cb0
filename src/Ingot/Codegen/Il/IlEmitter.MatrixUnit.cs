using System.Reflection;
using System.Reflection.Emit;
using Ingot.Codegen.X64;
using Ingot.Kernels;
using Ingot.Runtime;

namespace Ingot.Codegen.Il;

/// <summary>Calls of the matrix unit's micro-kernels. A phase that has one sets the tiles up when it is entered and releases them when it is left.</summary>
sealed partial class IlEmitter
{
    /// <summary>Whose addresses the code calls. The delegate is bound to it, so it lives as long as the code may run.</summary>
    MatrixCode? unit;

    void UnitBegins(List<Stmt> body)
    {
        if (!HasProduct(body)) return;
        unit = MatrixCode.Shared;
        if (unit.IsAssembled) il.Emit(OpCodes.Call, typeof(SignalStack).GetMethod(nameof(SignalStack.Prepare))!);
        Call(unit.Configure);
    }

    void UnitEnds()
    {
        if (unit is not null) Call(unit.Release);
    }

    static bool HasProduct(List<Stmt> block) =>
        block.Exists(s => s is MatrixProduct || (s is For f && HasProduct(f.Body)) || (s is If c && (HasProduct(c.Then) || HasProduct(c.Else))));

    void MultiplyTiles(MatrixProduct s)
    {
        foreach (var (slot, index) in new[] { s.A, s.B, s.C }) Address(slot, index, DType.F32);
        Value(s.Steps, false);
        Value(s.Continues, false);
        Call(unit!.Multiply(MatrixKind.Bf16), typeof(nint), typeof(nint), typeof(nint), typeof(long), typeof(long));
    }

    /// <summary>By the managed convention, which has no transition to pay for: a garbage collection waits for the end of a call, a microsecond at most.</summary>
    void Call(nint address, params Type[] parameters)
    {
        il.Emit(OpCodes.Ldc_I8, (long)address);
        il.Emit(OpCodes.Conv_I);
        il.EmitCalli(OpCodes.Calli, CallingConventions.Standard, typeof(void), parameters, null);
    }
}
