using System.Reflection;
using Ingot.Runtime;

namespace Ingot.Tests.Runtime;

[Collection(nameof(ProcessWide))]
public sealed class SettingsTests
{
    [Theory]
    [InlineData("2", 2)]
    [InlineData(" 3 ", 3)]
    [InlineData("-1", -1)]
    [InlineData("true", 7)]
    [InlineData("1.5", 7)]
    [InlineData("99999999999", 7)]
    [InlineData("", 7)]
    [InlineData(null, 7)]
    public void ParseNumber_NotAnInteger_IsIgnored(string? text, int value) => Settings.ParseNumber(text, 7).ShouldBe(value);

    [Theory]
    [InlineData("4096", 4096L)]
    [InlineData("512K", 512L << 10)]
    [InlineData("512mb", 512L << 20)]
    [InlineData("4G", 4L << 30)]
    [InlineData("1.5 G", 3L << 29)]
    [InlineData("2T", 2L << 40)]
    [InlineData("G", null)]
    [InlineData("-1G", null)]
    [InlineData("0", null)]
    [InlineData("lots", null)]
    [InlineData("99999999T", null)]
    [InlineData("", null)]
    [InlineData(null, null)]
    public void ParseBytes_Text_GivesBytesOrNothing(string? text, long? bytes) => Settings.ParseBytes(text).ShouldBe(bytes);

    [Theory]
    [InlineData("128", IsaLevel.Vector128)]
    [InlineData("AVX2", IsaLevel.Avx2)]
    [InlineData("avx512", IsaLevel.Avx512)]
    [InlineData("amx", IsaLevel.Amx)]
    [InlineData("sse9", null)]
    [InlineData(null, null)]
    public void ParseIsa_Text_GivesLevelOrNothing(string? text, IsaLevel? level) => Settings.ParseIsa(text).ShouldBe(level);

    [Fact]
    public void All_EveryProperty_IsListedWithItsValue()
    {
        int properties = typeof(Settings).GetProperties(BindingFlags.Public | BindingFlags.Static).Length;
        var all = Settings.All();
        all.Count.ShouldBe(properties);
        all.Select(s => s.Name).ShouldBeUnique();
        all.ShouldAllBe(s => s.Meaning.Length > 0 && s.Value.Length > 0);

        int before = Settings.Beam;
        Settings.Beam = 41;
        Settings.All().Single(s => s.Name == "BEAM").Value.ShouldBe("41");
        Settings.Beam = before;
    }
}
