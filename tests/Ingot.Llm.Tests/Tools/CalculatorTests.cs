using Ingot.Llm.Tools;

namespace Ingot.Llm.Tests.Tools;

public class CalculatorTests
{
    [Theory]
    [InlineData("1+2*3", "7")]
    [InlineData("(1 + 2) * 3", "9")]
    [InlineData("7 - 2 - 1", "4")]
    [InlineData("8/4/2", "1")]
    [InlineData("-3*-(2+1)", "9")]
    [InlineData("--2", "2")]
    [InlineData("0.1+0.2", "0.3")]
    [InlineData("10/4", "2.5")]
    [InlineData("1/3", "0.3333333333333333333333333333")]
    [InlineData("2.50*2", "5")]
    [InlineData("123456789*987654321", "121932631112635269")]
    [InlineData(".5+1.", "1.5")]
    public void Answer_Expression_IsItsValue(string expression, string value) => Calculator.Answer(expression).ShouldBe(value);

    [Theory]
    [InlineData("", "unexpected end")]
    [InlineData("1+", "unexpected end")]
    [InlineData("(1", "unexpected end")]
    [InlineData("1)", "unexpected ')'")]
    [InlineData("1 2", "unexpected '2'")]
    [InlineData("2**3", "unexpected '*'")]
    [InlineData("1.2.3", "unexpected '.'")]
    [InlineData(".", "unexpected")]
    [InlineData("__import__('os')", "unexpected '_'")]
    [InlineData("1e5", "unexpected 'e'")]
    [InlineData("1/0", "division by zero")]
    [InlineData("1/(2-2)", "division by zero")]
    [InlineData("79228162514264337593543950335*2", "too large")]
    [InlineData("99999999999999999999999999999999999999", "too large")]
    [InlineData("1\02", "unexpected")]
    public void Answer_WhatIsNone_SaysWhatIsWrong(string expression, string error)
    {
        Calculator.Answer(expression).ShouldStartWith("error: ");
        Calculator.Answer(expression).ShouldContain(error);
    }

    [Fact]
    public void Answer_DeepOrLong_IsRefused()
    {
        Calculator.Answer(new string('(', 31) + "1" + new string(')', 31)).ShouldBe("1");
        Calculator.Answer(new string('(', 32) + "1" + new string(')', 32)).ShouldContain("deep");
        Calculator.Answer(new string('-', 150) + "1").ShouldContain("deep");
        Calculator.Answer(new string('1', 201)).ShouldContain("200 characters");
    }
}
