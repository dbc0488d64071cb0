using System.Runtime.Intrinsics.X86;
using Iced.Intel;
using Ingot.Runtime;

namespace Ingot.Tests.Runtime;

public sealed class AmxTests
{
    [Fact]
    public void SystemStates_OnX64_HaveTheVectorsThatDotNetUses()
    {
        Assert.SkipUnless(X86Base.X64.IsSupported && ExecutableMemory.IsSupported, "the register is x64's");
        long states = Amx.SystemStates();
        (states & 3).ShouldBe(3); // x87 and SSE
        if (Avx.IsSupported) (states & 4).ShouldBe(4);
        if (Avx512F.IsSupported) (states & 0xE0).ShouldBe(0xE0);
    }

    [Fact]
    public void IsAvailable_WithoutTheUnit_IsFalse()
    {
        if (!Amx.IsPresent) Amx.IsAvailable.ShouldBeFalse();
        if (!Amx.IsPresent) Amx.HasInt8.ShouldBeFalse();
    }

    [Fact]
    public void WriteConfiguration_Bytes_AreEightFullTiles()
    {
        var bytes = new byte[64];
        bytes.AsSpan().Fill(0xEE);
        Amx.WriteConfiguration(bytes);
        var expected = new byte[64];
        expected[0] = 1;
        for (int tile = 0; tile < 8; tile++) (expected[16 + 2 * tile], expected[48 + tile]) = (64, 16);
        bytes.ShouldBe(expected);
    }

    [Fact]
    public void MatrixPeak_HandWrittenCode_IsWhatItsCommentsSay()
    {
        var decoder = Decoder.Create(64, new ByteArrayCodeReader(MatrixPeak.Code.ToArray()));
        var formatter = new IntelFormatter();
        var lines = new List<string>();
        while (decoder.IP < (ulong)MatrixPeak.Code.Length)
        {
            var output = new StringOutput();
            formatter.Format(decoder.Decode(), output);
            lines.Add(output.ToStringAndReset());
        }
        lines.ShouldBe(
        [
            "ldtilecfg [rdi]",
            .. Enumerable.Range(0, 8).Select(t => $"tilezero tmm{t}"),
            "tdpbf16ps tmm0,tmm4,tmm6", "tdpbf16ps tmm1,tmm4,tmm7", "tdpbf16ps tmm2,tmm5,tmm6", "tdpbf16ps tmm3,tmm5,tmm7",
            "dec rsi", "jne short 000000000000002Dh", "tilerelease", "ret",
        ]);
    }
}
