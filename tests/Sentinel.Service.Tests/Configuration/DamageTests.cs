using Sentinel.Service.Configuration;

namespace Sentinel.Service.Tests.Configuration;

/// <summary>However a file is damaged, the answer is a configuration or errors that have their places in it.</summary>
public sealed class DamageTests(Files files) : IClassFixture<Files>
{
    private static readonly byte[] Odd = [(byte)'"', (byte)'{', (byte)',', (byte)'\\', (byte)'\n', 0xC3];

    [Theory]
    [InlineData("minimal.json")]
    [InlineData("process.json")]
    [InlineData("jump-servers.json")]
    public void A_file_that_was_cut_anywhere_is_refused(string sample)
    {
        var whole = Read(sample);
        for (var length = 0; length < whole.Length - 2; length++)
        {
            AssertRefused(whole.AsSpan(0, length));
        }
    }

    [Theory]
    [InlineData("minimal.json")]
    [InlineData("process.json")]
    [InlineData("jump-servers.json")]
    public void A_file_with_a_wrong_byte_anywhere_never_throws(string sample)
    {
        var whole = Read(sample);
        for (var index = 0; index < whole.Length; index++)
        {
            var right = whole[index];
            whole[index] = Odd[index % Odd.Length];
            AssertPlaced(ConfigurationSource.Parse("file", whole, files.Environment()), whole);
            whole[index] = right;
        }
    }

    private static byte[] Read(string sample) => File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "samples", sample));

    private void AssertRefused(ReadOnlySpan<byte> text)
    {
        var result = ConfigurationSource.Parse("file", text, files.Environment());
        Assert.False(result.IsGood);
        AssertPlaced(result, text);
    }

    private static void AssertPlaced(ConfigurationResult result, ReadOnlySpan<byte> text)
    {
        Assert.Equal(result.IsGood, result.Errors.Count == 0);
        foreach (var error in result.Errors)
        {
            Assert.InRange(error.Place.Line, 1, text.Count((byte)'\n') + 1);
            Assert.True(error.Place.Column >= 1);
            Assert.DoesNotContain('\n', error.Message);
        }
    }
}
