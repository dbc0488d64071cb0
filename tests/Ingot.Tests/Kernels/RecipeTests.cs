using Ingot.Kernels;
using Ingot.Runtime;
using Ingot.Tests.Runtime;

namespace Ingot.Tests.Kernels;

[Collection(nameof(ProcessWide))]
public sealed class RecipeTests : IDisposable
{
    readonly string before = Settings.Cache, folder = Path.Combine(Path.GetTempPath(), $"ingot-recipe-tests-{Environment.ProcessId}");

    public RecipeTests() => Settings.Cache = folder;

    public void Dispose()
    {
        Settings.Cache = before;
        if (Directory.Exists(folder)) Directory.Delete(folder, true);
    }

    [Fact]
    public void Parse_OfItsText_GivesTheRecipe()
    {
        var random = new Random(1);
        for (int i = 0; i < 100; i++)
        {
            var recipe = Recipe.Random(random);
            Recipe.Parse(recipe.ToString()).ShouldBe(recipe);
        }
    }

    [Theory]
    [InlineData("rows")]
    [InlineData("rows=")]
    [InlineData("rows=-1")]
    [InlineData("rows=4 colour=3")]
    [InlineData("rows=99999999999")]
    public void Parse_OfWhatIsNoRecipe_IsNull(string text) => Recipe.Parse(text).ShouldBeNull();

    [Fact]
    public void Neighbours_OfTheHeuristicRecipe_DifferInOneChoiceOfTheirKind()
    {
        var neighbours = new Recipe().Neighbours(true).ToList();
        neighbours.Distinct().Count().ShouldBe(neighbours.Count);
        neighbours.ShouldContain(new Recipe { Rows = 4 });
        neighbours.ShouldNotContain(r => r.Unroll != null || r.ToString().Contains(' '));
        new Recipe().Neighbours(false).ShouldContain(new Recipe { Unroll = 4 });
    }

    [Fact]
    public void RecipeCache_FileCutShort_KeepsWhatIsWhole()
    {
        RecipeCache.Find("one").ShouldBeNull();
        RecipeCache.Keep("one", new Recipe { Rows = 4, PackB = 1 });
        RecipeCache.Keep("two", new Recipe());
        RecipeCache.Keep("one", new Recipe { Rows = 5 });
        string text = File.ReadAllText(RecipeCache.File);
        File.WriteAllText(RecipeCache.File, text + "\n0123456789abcdef0123456789abcdef rows=");
        Settings.Cache = folder + "-other"; // forgets what was read
        RecipeCache.Find("one").ShouldBeNull();
        Settings.Cache = folder;
        RecipeCache.Find("one").ShouldBe(new Recipe { Rows = 5 });
        RecipeCache.Find("two").ShouldBe(new Recipe());
        RecipeCache.Find("three").ShouldBeNull();
    }

    [Fact]
    public void RecipeCache_FolderThatCannotBe_StillServesThisProcess()
    {
        Directory.CreateDirectory(folder);
        string file = Path.Combine(folder, "taken");
        File.WriteAllText(file, "");
        Settings.Cache = Path.Combine(file, "below");
        RecipeCache.Keep("one", new Recipe { Vectors = 1 });
        RecipeCache.Find("one").ShouldBe(new Recipe { Vectors = 1 });
    }
}
