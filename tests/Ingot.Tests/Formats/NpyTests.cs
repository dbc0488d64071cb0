using System.Text;
using Ingot.Formats;

namespace Ingot.Tests.Formats;

public sealed class NpyTests : IDisposable
{
    readonly string folder = Directory.CreateTempSubdirectory("ingot-test-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    string At(string name) => Path.Combine(folder, name);

    static object Any(string path) => path.EndsWith(".npz", StringComparison.Ordinal) ? Npy.LoadArchive(path) : Npy.Load(path);

    [Fact]
    public void Load_MalformedFiles_AcceptsAndRejectsAsTheManifestSays() => MalformedFiles.CheckAll("npy", p => Any(p));

    [Theory]
    [InlineData("ok_f4.npy", new double[] { 0, 1, 2, 3, 4, 5 })]
    [InlineData("ok_fortran.npy", new double[] { 0, 2, 4, 1, 3, 5 })]
    [InlineData("ok_big_endian.npy", new double[] { 0, 1, 2, 3, 4, 5 })]
    [InlineData("ok_scalar.npy", new[] { 2.5 })]
    [InlineData("ok_empty.npy", new double[0])]
    public void Load_GoodFile_HasTheValuesOfTheNote(string name, double[] values) =>
        Npy.Load(MalformedFiles.Of("npy").Single(c => c.Name == "npy/" + name).Path).ToArray<double>().ShouldBe(values);

    [Fact]
    public void LoadArchive_TwoStoredArrays_HasBoth() =>
        Npy.LoadArchive(MalformedFiles.Of("npy").Single(c => c.Name == "npy/ok_stored.npz").Path).Count.ShouldBe(2);

    [Fact]
    public void Save_Load_RoundTripsShapesAndTypes()
    {
        foreach (var t in new[] { Tensor.From([1f, 2, 3, 4, 5, 6], 1, 2, 3), Tensor.From([true, false]), Tensor.From([1L << 40]), Tensor.Scalar(2.5), Tensor.From([(Half)0.1f]), Tensor.From(Array.Empty<int>(), 3, 0) })
        {
            Npy.Save(At("x.npy"), t);
            var back = Npy.Load(At("x.npy"));
            back.DType.ShouldBe(t.DType);
            back.Shape.ShouldBe(t.Shape);
            back.ToArray<double>().ShouldBe(t.ToArray<double>());
        }
    }

    [Fact]
    public void Save_HeaderIsNumPys()
    {
        Npy.Save(At("x.npy"), Tensor.From([1f, 2]));
        var bytes = File.ReadAllBytes(At("x.npy"));
        bytes.Length.ShouldBe(128 + 8); // numpy pads the header to a multiple of 64
        Encoding.Latin1.GetString(bytes, 10, 61).ShouldBe("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }    ");
        bytes[127].ShouldBe((byte)'\n');
    }

    [Fact]
    public void Load_Fortran3D_IsTransposed()
    {
        var header = "{'descr': '<i4', 'fortran_order': True, 'shape': (2, 3, 2), }\n";
        var data = Enumerable.Range(0, 12).SelectMany(BitConverter.GetBytes).ToArray();
        File.WriteAllBytes(At("f.npy"), [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, 0, .. Encoding.ASCII.GetBytes(header), .. data]);
        // element (i, j, k) is at i + 2*j + 6*k
        var expected = from i in Enumerable.Range(0, 2) from j in Enumerable.Range(0, 3) from k in Enumerable.Range(0, 2) select i + 2 * j + 6 * k;
        Npy.Load(At("f.npy")).ToArray<int>().ShouldBe(expected);
    }
}
