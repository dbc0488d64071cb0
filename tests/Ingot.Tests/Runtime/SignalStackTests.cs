using System.Runtime.CompilerServices;
using Ingot.Runtime;

namespace Ingot.Tests.Runtime;

public sealed class SignalStackTests
{
    public SignalStackTests() => Assert.SkipUnless(OperatingSystem.IsLinux(), "the stack for signals is Linux's");

    [Fact]
    public void Prepare_OnAThread_LeavesRoomBesideTheTiles() => OnAThread(() =>
    {
        SignalStack.Prepare();
        long bytes = Libc.SignalStackBytes();
        bytes.ShouldBeGreaterThanOrEqualTo(64 << 10);
        SignalStack.Prepare();
        Libc.SignalStackBytes().ShouldBe(bytes);
    });

    [Fact]
    public void NullReference_OnAPreparedThread_IsAnException() => OnAThread(() =>
    {
        SignalStack.Prepare();
        for (int i = 0; i < 3; i++) Should.Throw<NullReferenceException>(() => LengthOf(null!));
        GC.Collect();
        Should.Throw<NullReferenceException>(() => LengthOf(null!));
    });

    [Fact]
    public void NullReference_OnAThreadThatUsedTheUnit_IsAnException()
    {
        Assert.SkipUnless(Amx.IsAvailable, "this machine has no matrix unit");
        OnAThread(() =>
        {
            var unit = Ingot.Codegen.X64.MatrixCode.Shared;
            EmulatedTiles.Agrees(unit.Configure, unit.Release, unit.Multiply(Ingot.Codegen.X64.MatrixKind.Bf16)).ShouldBeTrue();
            Should.Throw<NullReferenceException>(() => LengthOf(null!));
        });
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static int LengthOf(string text) => text.Length;

    static void OnAThread(Action action)
    {
        Exception? thrown = null;
        var thread = new Thread(() =>
        {
            try { action(); }
            catch (Exception e) { thrown = e; }
        });
        thread.Start();
        thread.Join();
        if (thrown is not null) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(thrown);
    }
}
