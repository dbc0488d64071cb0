namespace Ingot.Onnx.Operators;

/// <summary>ai.onnx.ml: labels, categories, features of tables.</summary>
static class LabelOperators
{
    const string Ml = "ai.onnx.ml";

    [OnnxOperator("ArrayFeatureExtractor", Domain = Ml)]
    static OnnxValue ArrayFeatureExtractor(OperatorCall c) => OnnxValue.Move([c.Input(0)], t => t[0].IndexSelect(-1, c.Tensor(1).Flatten().To(DType.I64)) is var y && y.Rank == 1 ? y.Unsqueeze(0) : y);

    [OnnxOperator("Binarizer", Domain = Ml)]
    static Tensor Binarizer(OperatorCall c) => (c.Tensor(0) > c.Float("threshold", 0)).To(c.Tensor(0).DType);

    [OnnxOperator("LabelEncoder", Domain = Ml)]
    static OnnxValue LabelEncoderOfClasses(OperatorCall c)
    {
        string[] classes = c.Texts("classes_strings") ?? throw c.Bad("has no classes_strings");
        if (c.Input(0) is StringTensor s)
            return Tensor.From(s.Values.Select(v => Array.IndexOf(classes, v) is var i and >= 0 ? i : c.Int("default_int64", -1)).ToArray(), [s.Values.Count]).Reshape(s.Shape);
        return new StringTensor(Array.ConvertAll(c.Constant<long>(0), i => i >= 0 && i < classes.Length ? classes[i] : c.Text("default_string", "_Unused")), c.Shape(0));
    }

    [OnnxOperator("LabelEncoder", Domain = Ml, Since = 2)]
    static OnnxValue LabelEncoder(OperatorCall c)
    {
        var keys = Elements(c, "keys") ?? throw c.Bad("has no keys");
        var values = Elements(c, "values") ?? throw c.Bad("has no values");
        if (keys.Length != values.Length) throw c.Bad($"has {keys.Length} keys and {values.Length} values");
        var map = new Dictionary<object, object>();
        for (int i = 0; i < keys.Length; i++) map[Normal(keys[i])] = values[i];
        var given = Elements(c.Input(0), c);
        object otherwise = Default(c, values);
        var results = Array.ConvertAll(given, g => map.GetValueOrDefault(Normal(g), otherwise));
        return Made(results, otherwise, c.Shape(0));
    }

    /// <summary>Numbers as one type, NaN as one value.</summary>
    static object Normal(object key) => key is string ? key : key is double d ? d : Convert.ToDouble(key);

    static object[]? Elements(OperatorCall c, string name)
    {
        if (c.Texts(name + "_strings") is { } texts) return [.. texts];
        if (c.Longs(name + "_int64s") is { } longs) return [.. longs.Select(l => (object)l)];
        if (c.Floats(name + "_floats") is { } floats) return [.. floats.Select(f => (object)f)];
        return c.TensorAttribute(name + "_tensor") is { } tensor ? Elements(tensor, c) : null;
    }

    static object[] Elements(OnnxValue value, OperatorCall c) => value switch
    {
        StringTensor s => [.. s.Values],
        OnnxTensor { DType: OnnxDType.Float } t => [.. c.Read<float>(t).Select(v => (object)v)],
        OnnxTensor { DType: OnnxDType.Double } t => [.. c.Read<double>(t).Select(v => (object)v)],
        OnnxTensor { DType: OnnxDType.Int16 } t => [.. c.Read<short>(t).Select(v => (object)v)],
        OnnxTensor { DType: OnnxDType.Int32 } t => [.. c.Read<int>(t).Select(v => (object)v)],
        OnnxTensor t => [.. c.Read<long>(t).Select(v => (object)v)],
        _ => throw c.Bad($"cannot look up {value.Describe()}"),
    };

    static object Default(OperatorCall c, object[] values)
    {
        if (c.TensorAttribute("default_tensor") is { } tensor && Elements(tensor, c) is [var one, ..]) return one;
        return values.FirstOrDefault() switch
        {
            string => c.Text("default_string", "_Unused"),
            float => c.Float("default_float", -0f),
            long => c.Int("default_int64", -1),
            double => -0.0,
            short => (short)-1,
            _ => -1,
        };
    }

    static OnnxValue Made(object[] values, object sample, Shape shape) => sample switch
    {
        string => new StringTensor([.. values.Cast<string>()], shape),
        float => Of<float>(values, shape),
        double => Of<double>(values, shape),
        short => Of<short>(values, shape),
        int => Of<int>(values, shape),
        _ => Of<long>(values, shape),
    };

    static Tensor Of<T>(object[] values, Shape shape) where T : unmanaged => Tensor.From(Array.ConvertAll(values, v => (T)v), [values.Length]).Reshape(shape);

    [OnnxOperator("CategoryMapper", Domain = Ml)]
    static OnnxValue CategoryMapper(OperatorCall c)
    {
        string[] texts = c.Texts("cats_strings") ?? [];
        long[] numbers = c.Longs("cats_int64s") ?? [];
        if (texts.Length != numbers.Length) throw c.Bad($"has {texts.Length} strings and {numbers.Length} numbers");
        if (c.Input(0) is StringTensor s)
            return Of<long>([.. s.Values.Select(v => (object)(Array.IndexOf(texts, v) is var i and >= 0 ? numbers[i] : c.Int("default_int64", -1)))], s.Shape);
        return new StringTensor(Array.ConvertAll(c.Constant<long>(0), v => Array.IndexOf(numbers, v) is var i and >= 0 ? texts[i] : c.Text("default_string", "_Unused")), c.Shape(0));
    }

    [OnnxOperator("DictVectorizer", Domain = Ml)]
    static OnnxValue DictVectorizer(OperatorCall c)
    {
        if (c.Input(0) is not OnnxMap map) throw c.Bad($"its input must be a map, it is {c.Input(0).Describe()}");
        object[] keys = c.Texts("string_vocabulary") is { } texts ? [.. texts] : [.. (c.Longs("int64_vocabulary") ?? throw c.Bad("has no vocabulary")).Select(l => (object)l)];
        object sample = map.Entries.Values.FirstOrDefault() ?? 0f;
        object zero = sample switch { string => "", float => 0f, double => 0.0, _ => 0L };
        return Made(Array.ConvertAll(keys, k => map.Entries.GetValueOrDefault(k, zero)), sample, new(1, keys.Length));
    }

    [OnnxOperator("CastMap", Domain = Ml)]
    static OnnxValue CastMap(OperatorCall c)
    {
        if (c.Input(0) is not OnnxMap map) throw c.Bad($"its input must be a map, it is {c.Input(0).Describe()}");
        var entries = map.Entries.OrderBy(e => Convert.ToInt64(e.Key)).ToList();
        var pairs = c.Text("map_form", "DENSE") == "DENSE" ? entries.Select(e => e.Value).ToList()
            : [.. Enumerable.Range(0, (int)c.Int("max_map", 1)).Select(i => map.Entries.GetValueOrDefault((object)(long)i, 0f))];
        return c.Text("cast_to", "TO_FLOAT") switch
        {
            "TO_STRING" => new StringTensor([.. pairs.Select(v => Convert.ToString(v, System.Globalization.CultureInfo.InvariantCulture)!)], new(1, pairs.Count)),
            "TO_INT64" => Tensor.From(pairs.Select(v => Convert.ToInt64(v)).ToArray(), 1, pairs.Count),
            _ => Tensor.From(pairs.Select(v => Convert.ToSingle(v)).ToArray(), 1, pairs.Count),
        };
    }

    [OnnxOperator("ZipMap", Domain = Ml)]
    static OnnxValue ZipMap(OperatorCall c)
    {
        object[] keys = c.Texts("classlabels_strings") is { } texts ? [.. texts] : [.. (c.Longs("classlabels_int64s") ?? throw c.Bad("has no classlabels")).Select(l => (object)l)];
        float[] values = c.Constant<float>(0);
        int rows = values.Length / Math.Max(1, keys.Length);
        return new OnnxSequence([.. Enumerable.Range(0, rows).Select(r => new OnnxMap(Enumerable.Range(0, keys.Length).ToDictionary(k => keys[k], k => (object)values[(r * keys.Length) + k])))]);
    }

    [OnnxOperator("OneHotEncoder", Domain = Ml)]
    static Tensor OneHotEncoder(OperatorCall c)
    {
        bool allowsOthers = c.Flag("zeros", true);
        bool[] hits;
        int count;
        if (c.Input(0) is StringTensor s)
        {
            string[] cats = c.Texts("cats_strings") ?? throw c.Bad("has no cats_strings");
            (hits, count) = ([.. s.Values.SelectMany(v => cats.Select(k => k == v))], cats.Length);
        }
        else
        {
            long[] cats = c.Longs("cats_int64s") ?? throw c.Bad("has no cats_int64s");
            (hits, count) = ([.. c.Constant<double>(0).SelectMany(v => cats.Select(k => k == (long)v))], cats.Length);
        }
        if (!allowsOthers && hits.Chunk(Math.Max(1, count)).Any(row => !row.Contains(true))) throw c.Bad("it is given a category that it does not have");
        return Tensor.From(Array.ConvertAll(hits, h => h ? 1f : 0f), [.. c.Shape(0).Span, count]);
    }

    [OnnxOperator("FeatureVectorizer", Domain = Ml)]
    static Tensor FeatureVectorizer(OperatorCall c)
    {
        int[]? dims = c.Ints("inputdimensions");
        return Tensor.Cat([.. c.Tensors().Select((t, i) =>
        {
            var rows = (t.Rank == 1 ? t.Unsqueeze(0) : t.Flatten(1)).To(DType.F32);
            return dims is null || dims[i] == rows.Shape[1] ? rows : dims[i] < rows.Shape[1] ? rows.Narrow(1, 0, dims[i]) : rows.Pad([0, dims[i] - rows.Shape[1]]);
        })], 1);
    }

    [OnnxOperator("Imputer", Domain = Ml)]
    static Tensor Imputer(OperatorCall c)
    {
        var x = c.Tensor(0);
        if (x.DType.IsFloat)
        {
            float[] values = c.Floats("imputed_value_floats") ?? throw c.Bad("has no imputed_value_floats");
            float replaced = c.Float("replaced_value_float", 0);
            var by = Tensor.From(values, [values.Length]).To(x.DType);
            return (float.IsNaN(replaced) ? x.IsNan() : x.Eq(replaced)).Where(values.Length == 1 ? by.Reshape([]) : by, x);
        }
        long[] longs = c.Longs("imputed_value_int64s") ?? throw c.Bad("has no imputed_value_int64s");
        var with = Tensor.From(longs, [longs.Length]).To(x.DType);
        return x.Eq(c.Int("replaced_value_int64", 0)).Where(longs.Length == 1 ? with.Reshape([]) : with, x);
    }

    [OnnxOperator("Normalizer", Domain = Ml)]
    static Tensor Normalizer(OperatorCall c)
    {
        var x = c.Tensor(0).To(DType.F32);
        var norm = c.Text("norm", "MAX") switch { "L1" => x.Abs().Sum(-1, keepDim: true), "L2" => x.Square().Sum(-1, keepDim: true).Sqrt(), _ => x.Max(-1, keepDim: true) };
        return norm.Eq(0f).Where(x, x / norm);
    }

    [OnnxOperator("Scaler", Domain = Ml)]
    static Tensor Scaler(OperatorCall c)
    {
        float[] offset = c.Floats("offset") ?? [0], scale = c.Floats("scale") ?? [1];
        return (c.Tensor(0).To(DType.F32) - Tensor.From(offset, [offset.Length])) * Tensor.From(scale, [scale.Length]);
    }
}
