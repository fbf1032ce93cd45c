using Sentinel.Backends.Files;

namespace Sentinel.Jump.Files;

/// <summary>A small file that is kept twice: one that a disk lost or tore is read from the other.</summary>
/// <param name="path">Of the first; the second has <see cref="SecondEnding"/> after it.</param>
internal sealed class TwinFile(string path)
{
    /// <summary>Of the second.</summary>
    public const string SecondEnding = ".copy";

    /// <summary>Of what could not be read and was put aside.</summary>
    public const string DamagedEnding = ".damaged";

    private readonly string _second = path + SecondEnding;

    /// <summary>The first.</summary>
    public string Path => path;

    /// <summary>Writes both, one after the other, each whole.</summary>
    /// <exception cref="IOException">The first was not written; what was there before is still whole.</exception>
    /// <exception cref="UnauthorizedAccessException">As above.</exception>
    public void Write(ReadOnlySpan<byte> content)
    {
        DurableFile.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        DurableFile.Write(path, content);
        try
        {
            DurableFile.Write(_second, content);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It is written; an older second is better than none.
        }
    }

    /// <summary>Reads the first that can be; what is damaged is put aside, so that nothing is lost by the next write.</summary>
    /// <param name="parse">Gives null for what is no such file.</param>
    /// <param name="trouble">What is wrong with the files; null if nothing. There being none is nothing wrong.</param>
    public T? Read<T>(Func<byte[], T?> parse, out string? trouble)
        where T : class
    {
        trouble = null;
        T? found = null;
        var missing = new List<string>();
        foreach (var file in (string[])[path, _second])
        {
            try
            {
                if (!File.Exists(file))
                {
                    missing.Add(file);
                }
                else if (parse(File.ReadAllBytes(file)) is { } read)
                {
                    found ??= read;
                }
                else
                {
                    File.Move(file, file + DamagedEnding, overwrite: true);
                    trouble = $"{file} is damaged and was put aside as {System.IO.Path.GetFileName(file)}{DamagedEnding}";
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                trouble = $"{file} cannot be read: {e.Message}";
            }
        }

        trouble ??= missing is [var one] ? $"{one} is gone" : null;
        return found;
    }

    /// <summary>Deletes both.</summary>
    public void Delete()
    {
        DurableFile.TryDelete(path);
        DurableFile.TryDelete(_second);
    }
}
