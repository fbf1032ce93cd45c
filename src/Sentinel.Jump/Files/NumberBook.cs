using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Sentinel.Jump.Files;

/// <summary>Numbers that names are given once and keep, on disk. One caller at a time.</summary>
/// <param name="path">The file.</param>
internal sealed class NumberBook(string path)
{
    private readonly TwinFile _file = new(path);
    private ImmutableSortedDictionary<string, int>? _numbers;

    /// <summary>
    /// The numbers of names. A name that has none is given one that nobody ever had, or, when all were given, the one of a name
    /// that is not among these.
    /// </summary>
    /// <param name="names">Those who need one.</param>
    /// <param name="most">Numbers are from 1 to this.</param>
    /// <param name="trouble">What is wrong with the file, as a sentence without its end; null if nothing is.</param>
    /// <returns>Without those for whom there is no room.</returns>
    /// <exception cref="IOException">New numbers cannot be kept, and were not given.</exception>
    /// <exception cref="UnauthorizedAccessException">As above.</exception>
    public ImmutableSortedDictionary<string, int> Of(IReadOnlyCollection<string> names, int most, out string? trouble)
    {
        trouble = null;
        _numbers ??= _file.Read(Parse, out trouble) ?? ImmutableSortedDictionary.Create<string, int>(StringComparer.Ordinal);
        var numbers = _numbers.ToBuilder();
        foreach (var name in names.Where(name => !_numbers.TryGetValue(name, out var number) || number > most).Order(StringComparer.Ordinal))
        {
            numbers.Remove(name);
            if (Free(numbers, names, most) is { } number)
            {
                numbers.Add(name, number);
            }
        }

        if (!numbers.ToImmutable().SequenceEqual(_numbers))
        {
            var next = numbers.ToImmutable();
            _file.Write(JsonSerializer.SerializeToUtf8Bytes(next.ToDictionary(), NumberJson.Default.DictionaryStringInt32));
            _numbers = next;
        }

        return _numbers.RemoveRange(_numbers.Keys.Except(names));
    }

    private static int? Free(ImmutableSortedDictionary<string, int>.Builder numbers, IReadOnlyCollection<string> names, int most)
    {
        var highest = numbers.Values.Where(number => number <= most).DefaultIfEmpty().Max();
        if (highest < most)
        {
            return highest + 1;
        }

        var taken = numbers.Values.ToHashSet();
        if (Enumerable.Range(1, most).FirstOrDefault(number => !taken.Contains(number)) is > 0 and var gap)
        {
            return gap;
        }

        var known = names.ToHashSet();
        if (numbers.FirstOrDefault(one => !known.Contains(one.Key)) is { Key: { } forgotten, Value: var its })
        {
            numbers.Remove(forgotten);
            return its;
        }

        return null;
    }

    private static ImmutableSortedDictionary<string, int>? Parse(byte[] content)
    {
        try
        {
            return JsonSerializer.Deserialize(content, NumberJson.Default.DictionaryStringInt32) is { } numbers
                && numbers.Values.All(number => number > 0) && numbers.Values.Distinct().Count() == numbers.Count
                ? numbers.ToImmutableSortedDictionary(StringComparer.Ordinal)
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

[JsonSourceGenerationOptions(WriteIndented = true)]
[JsonSerializable(typeof(Dictionary<string, int>))]
internal sealed partial class NumberJson : JsonSerializerContext;
